/*
 * lineage - where the rows of a run came from and went to, and as whom. Pure.
 *
 * Texts, each one a column of run_lineage in the store; "" where it is not known. A worker fills it,
 * each side its own facts.
 */
#ifndef JOB_LINEAGE_H
#define JOB_LINEAGE_H

#define LINEAGE_MAX 256 /* bytes of a fact, with the NUL; what is longer is cut */

#define LINEAGE_FACTS(X)                                                                          \
	X(source_server)    /* as it calls itself, or the directory of files */                      \
	X(source_database)                                                                         \
	X(source_principal) /* who the login was there */                                            \
	X(query_hash)       /* of the statement that was sent (XXH3, 128 bits) */                    \
	X(version_read)     /* up to where the source was read: a watermark, a version, an LSN */    \
	X(consistency)      /* whether what was read is the picture of one moment */                 \
	X(target_server)                                                                           \
	X(target_database)                                                                         \
	X(target_principal)                                                                        \
	X(digest)           /* of the rows that were published (verify = digest) */

enum lineage_fact {
#define X(name) LINEAGE_##name,
	LINEAGE_FACTS(X)
#undef X
		LINEAGE_COUNT
};

struct lineage {
	char v[LINEAGE_COUNT][LINEAGE_MAX];
};

const char *lineage_name(enum lineage_fact fact); /* "source_server" */

void lineage_set(struct lineage *l, enum lineage_fact fact, const char *text); /* NULL: not known */
/* NULL: not known. */
const char *lineage_get(const struct lineage *l, enum lineage_fact fact);

#endif
