/*
 * mssql_capture - what SQL Server's change data capture has of a table since the last load.
 *
 * It keeps each change with all captured columns, so that neither a snapshot nor the table is
 * needed; of each key the last change counts. The captured columns are what is loaded. The
 * capture job is behind the table: a load of all of it takes as its mark what was captured
 * before it began, and later loads bring what it has seen already once more.
 *
 * A watermark is "cdc:" and a log sequence number, 0x and 20 digits. Gaps are as in
 * mssql_changes.h.
 */
#ifndef WORK_MSSQL_CAPTURE_H
#define WORK_MSSQL_CAPTURE_H

#include "work/mssql_changes.h"

/* As mssql_changes_find, but that no transaction is begun. ERR_NOT_FOUND for an instance that is not there. */
MUST_CHECK int mssql_capture_find(struct db *db, const struct source_request *request, const char *const *table,
	struct arena *a, struct mssql_changes *ret, struct err *err);

#endif
