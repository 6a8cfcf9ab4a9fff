#include "tests/tdsd/huge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tds/row.h"
#include "tests/tdsd/sink.h"

#define PREFIX	    "tdsd_huge_"
#define CHUNK_BYTES (1u << 20)

struct huge {
	struct reply *r;
	struct sink_load *load; /* NULL: the client gets it */
};

static void put(struct huge *h, const void *data, size_t len)
{
	bool end;

	if (h->load)
		(void)sink_part(h->load, data, len, &end);
	else
		wire_put(&h->r->c->wire, data, len);
}

/* Text of seven bits, so that any collation has it; no two neighbouring chunks are the same. */
static void fill(uint8_t *chunk, size_t len, uint32_t number)
{
	for (size_t i = 0; i < len; i++)
		chunk[i] = (uint8_t)('a' + (i * 31 + number) % 26);
}

static void put_row(struct huge *h, uint64_t bytes)
{
	uint8_t *chunk = mem_alloc(4 + CHUNK_BYTES), head[13] = {TDS_ROW_TOKEN}, tail[8] = {0};
	uint32_t number = 0;

	tds_put64(tds_put32(head + 1, 1), bytes);
	put(h, head, sizeof(head));
	for (uint64_t left = bytes; left && (h->load || !reply_functions.cancelled(h->r)); number++) {
		uint32_t n = left < CHUNK_BYTES ? (uint32_t)left : CHUNK_BYTES;

		fill(tds_put32(chunk, n), n, number);
		put(h, chunk, 4 + (size_t)n);
		left -= n;
	}
	tds_put32(tail + 4, 2); /* behind the end of the value */
	put(h, tail, sizeof(tail));
	free(chunk);
}

bool huge_run(struct reply *r, const char *table, bool hash)
{
	struct tds_column v[] = {{.name = "id", .type = TDS_FIXINT4, .size = 4},
		{.name = "v", .size = TDS_SIZE_MAX, .nullable = true},
		{.name = "tail", .type = TDS_FIXINT4, .size = 4}};
	const struct tds_columns columns = {.v = v, .n = ARRAY_LEN(v)};
	struct huge h = {.r = r};
	struct sink_load load;
	uint64_t bytes;
	char *end;

	if (strncasecmp(table, PREFIX, strlen(PREFIX)) != 0)
		return false;
	bytes = strtoull(table + strlen(PREFIX), &end, 10);
	v[1].type = strcasecmp(end, "_varchar") == 0 ? TDS_BIGVARCHAR : TDS_BIGVARBINARY;
	if (v[1].type == TDS_BIGVARCHAR)
		memcpy(v[1].collation, "\x09\x04\xD0\x00\x34", TDS_COLLATION_LEN);
	if (!hash) {
		if (reply_functions.columns(r, &columns) == 0)
			put_row(&h, bytes);
		(void)reply_functions.done(r, REPLY_SELECT, true, 1, false);
		return true;
	}
	h.load = &load;
	sink_begin(&load, NULL, &columns);
	put_row(&h, bytes);
	sink_put_hash(r, &(struct sink_hash){.rows = load.rows, .bytes = load.bytes, .hash = load.hash});
	sink_release(&load);
	return true;
}
