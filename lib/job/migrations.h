/*
 * migrations - the control schema, version by version.
 *
 * The schema is a public interface (docs/design.md §4): people order and read
 * runs with plain SQL. A migration only adds, so that the previous version of
 * the program works on it; what is no longer used goes one version later.
 * Never edit one that was released: add another.
 */
#ifndef JOB_MIGRATIONS_H
#define JOB_MIGRATIONS_H

#include <stddef.h>

struct migration {
	int version;
	const char *name;
	const char *sqlite;
	const char *const *tsql; /* batches up to a NULL; NULL: there are none */
};

extern const struct migration migrations[];
extern const size_t n_migrations;

extern const char *const migrations_tsql_loads[];
extern const char *const migrations_tsql_interface[];
extern const char *const migrations_tsql_kerberos_keys[];
extern const char *const migrations_tsql_pods[];
extern const char *const migrations_tsql_lineage[];
extern const char *const migrations_tsql_publishing[];
extern const char *const migrations_tsql_changes[];
extern const char *const migrations_tsql_reads[];
extern const char *const migrations_tsql_capture[];

/* The version that this program works with: that of the last migration. */
int migrations_version(void);

#endif
