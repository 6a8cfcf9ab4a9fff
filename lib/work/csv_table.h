/*
 * csv_table - the files that a table's name means.
 *
 * Under a connection whose path is a directory:
 *
 *	a name		the file of that name, else with .csv, .csv.gz or .csv.zst behind it
 *	a pattern	(*, ?, [ in it, and no file of that very name) all files that match, in the
 *			order of their names; a '*' is not '/' and not a '.' in front
 *
 * Where the connection's path is a file that file is the only table; where it is
 * "-" standard input is, under any name. Blocks on the disk.
 */
#ifndef WORK_CSV_TABLE_H
#define WORK_CSV_TABLE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"

#define CSV_TABLE_FILES_MAX 10000

struct csv_table_file {
	const char *path;
	const char *name; /* within the connection's directory; "standard input" */
};

struct csv_table {
	struct csv_table_file *v;
	uint32_t n; /* one at least */
};

/* ERR_NOT_FOUND with the names there are; ERR_CONFIG for names that lead out of the directory or
 * mean several files. All of it lives in `a`. */
MUST_CHECK int csv_table_find(const struct connection *conn, const char *name, struct arena *a,
	struct csv_table *ret_table, struct err *err);

/* The one file to write: what is there under that name, else the name, with .csv behind it when it
 * has no suffix. */
MUST_CHECK int csv_table_target(const struct connection *conn, const char *name, struct arena *a,
	struct csv_table_file *ret_file, struct err *err);

/* The length of a file's name without .csv, .csv.gz or .csv.zst. */
size_t csv_table_stem(const char *name);

#endif
