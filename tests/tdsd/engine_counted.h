/*
 * engine_counted - tables of schema tdsd_sink: what is loaded into them by INSERT BULK is counted and
 * hashed by the server, and not kept; for engine_*.c only.
 *
 * To DDL they are tables as others: a load's staging table can be made in the schema, loaded,
 * counted, renamed and switched at the speed of the wire. COUNT(*), sys.partitions and
 * sys.tdsd_sinks (object_id, rows, bytes, hash) tell what came; any other query finds no row.
 * INSERT … SELECT from one into another moves the numbers.
 */
#ifndef TDSD_ENGINE_COUNTED_H
#define TDSD_ENGINE_COUNTED_H

#include "tests/tdsd/engine_catalog.h"

struct counted {
	uint64_t rows, bytes, hash;
};

bool counted_is(const struct table *t);
int counted_rows(struct session *s, const struct table *t, int64_t *ret);
int counted_add(struct session *s, const struct table *t, const struct counted *c);
int counted_clear(struct session *s, const struct table *t);
int counted_switch(struct session *s, const struct table *from, const struct table *to);
/* INSERT INTO t SELECT … FROM another of them. */
int counted_insert(
	struct session *s, const struct stmt *st, const struct table *t, int64_t *ret_count);

#endif
