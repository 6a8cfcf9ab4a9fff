#include "tests/tdsd/sink.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <xxhash.h>

#include "base/mem.h"
#include "tds/row.h"
#include "tests/tdsd/bytes.h"
#include "tests/tdsd/reply.h"
#include "tests/tdsd/result.h"

#define PREFIX        "tdsd_sink"
#define CANONICAL_MAX TDS_PLP_MAX

struct sink {
	struct sink *next;
	char *name;
	pthread_mutex_t mutex;
	struct sink_hash total;
};

void sinks_init(struct sinks *s)
{
	*s = (struct sinks){0};
	pthread_mutex_init(&s->mutex, NULL);
}

void sinks_release(struct sinks *s)
{
	struct sink *next;

	for (struct sink *sink = s->first; sink; sink = next) {
		next = sink->next;
		pthread_mutex_destroy(&sink->mutex);
		free(sink->name);
		free(sink);
	}
	pthread_mutex_destroy(&s->mutex);
}

bool sink_is_name(const char *name)
{
	return strncasecmp(name, PREFIX, strlen(PREFIX)) == 0;
}

struct sink *sinks_get(struct sinks *s, const char *name)
{
	struct sink *sink;

	pthread_mutex_lock(&s->mutex);
	for (sink = s->first; sink && strcasecmp(sink->name, name) != 0; sink = sink->next)
		;
	if (!sink) {
		sink = mem_alloc(sizeof(*sink));
		sink->name = mem_strdup(name);
		pthread_mutex_init(&sink->mutex, NULL);
		sink->next = s->first;
		s->first = sink;
	}
	pthread_mutex_unlock(&s->mutex);
	return sink;
}

void sink_begin(struct sink_load *l, struct sink *sink, const struct tds_columns *columns)
{
	*l = (struct sink_load){.sink = sink, .columns = *columns};
	buf_init(&l->canonical, CANONICAL_MAX);
	for (uint32_t i = 0; i < columns->n; i++) {
		enum tds_form form = tds_form(&columns->v[i]);

		if (form == TDS_FORM_PLP || form == TDS_FORM_TEXTPTR || form == TDS_FORM_FIXED)
			l->n_written = i + 1;
	}
}

/* A (max) value: the bytes of its chunks behind one another, and how many they are. */
static uint8_t *put_plp(uint8_t *out, struct bytes *b)
{
	uint64_t total = bytes_number(b, 8), chunk;
	const uint8_t *start = out;

	if (total == TDS_PLP_NULL)
		return tds_put64(out, TDS_PLP_NULL);
	while ((chunk = bytes_number(b, 4)) > 0)
		out = tds_put_bytes(out, bytes_take(b, chunk), (uint32_t)chunk);
	return tds_put64(out, (uint64_t)(out - start));
}

/* text, ntext and image: as the (max) value. */
static uint8_t *put_textptr(uint8_t *out, struct bytes *b)
{
	uint64_t pointer = bytes_number(b, 1), len;

	if (pointer == 0)
		return tds_put64(out, TDS_PLP_NULL);
	(void)bytes_take(b, pointer + 8);
	len = bytes_number(b, 4);
	return tds_put64(tds_put_bytes(out, bytes_take(b, len), (uint32_t)len), len);
}

static uint8_t *put_canonical(uint8_t *out, struct bytes *b, const struct tds_column *c)
{
	const uint8_t *start = b->p;
	bool null;

	switch (tds_form(c)) {
	case TDS_FORM_PLP:
		return put_plp(out, b);
	case TDS_FORM_TEXTPTR:
		return put_textptr(out, b);
	case TDS_FORM_FIXED:
		*out++ = (uint8_t)c->size; /* as its nullable type */
		break;
	default:
		break;
	}
	(void)result_skip_value(b, c, &null);
	return tds_put_bytes(out, start, (uint32_t)(b->p - start));
}

/* The row without what one side may write otherwise than another. It is whole: the scan saw it. */
static void make_canonical(struct sink_load *l, const uint8_t *row, size_t len)
{
	struct bytes b = {.p = row + 1, .end = row + len};
	uint8_t *start, *out;

	buf_reset(&l->canonical);
	start = out = (uint8_t *)buf_room(&l->canonical, len + 8 * (size_t)l->columns.n);
	if (!out)
		return;
	for (uint32_t i = 0; i < l->n_written; i++)
		out = put_canonical(out, &b, &l->columns.v[i]);
	out = tds_put_bytes(out, b.p, (uint32_t)bytes_left(&b));
	buf_advance(&l->canonical, (size_t)(out - start));
}

/* --- rows in parts ---------------------------------------------------------------- */

enum { PART_VALUE, PART_CHUNKS, PART_BYTES }; /* what comes next */

static void value_ends(struct sink_load *l)
{
	uint8_t total[8];

	tds_put64(total, l->total);
	(void)XXH3_64bits_update(l->state, total, sizeof(total));
	l->column++;
	l->part = PART_VALUE;
}

static void null_ends(struct sink_load *l)
{
	l->total = TDS_PLP_NULL;
	value_ends(l);
}

/* The bytes of a long value that are there. */
static void part_bytes(struct sink_load *l, struct bytes *b)
{
	uint64_t n = (uint64_t)(b->end - b->p);

	n = n < l->left ? n : l->left;
	(void)XXH3_64bits_update(l->state, b->p, n);
	b->p += n;
	l->left -= n;
	l->total += n;
	if (l->left == 0 && l->chunked)
		l->part = PART_CHUNKS;
	else if (l->left == 0)
		value_ends(l);
}

/* How a long value begins; false when that is not all there. */
static bool part_begins(struct sink_load *l, struct bytes *b, bool chunked)
{
	uint64_t head = bytes_number(b, chunked ? 8 : 1);

	if (b->cut)
		return false;
	if (head == (chunked ? TDS_PLP_NULL : 0)) {
		null_ends(l);
		return true;
	}
	if (!chunked) {
		(void)bytes_take(b, head + 8);
		l->left = bytes_number(b, 4);
	}
	if (b->cut)
		return false;
	l->total = 0;
	l->chunked = chunked;
	l->part = chunked ? PART_CHUNKS : PART_BYTES;
	return true;
}

static bool part_chunk(struct sink_load *l, struct bytes *b)
{
	l->left = bytes_number(b, 4);
	if (b->cut)
		return false;
	l->part = PART_BYTES;
	if (l->left == 0)
		value_ends(l);
	return true;
}

static bool part_value(struct sink_load *l, struct bytes *b)
{
	const struct tds_column *c = &l->columns.v[l->column];
	enum tds_form form = tds_form(c);
	const uint8_t *start = b->p;
	uint8_t size = (uint8_t)c->size;
	bool null;

	if (form == TDS_FORM_PLP || form == TDS_FORM_TEXTPTR)
		return part_begins(l, b, form == TDS_FORM_PLP);
	(void)result_skip_value(b, c, &null);
	if (b->cut)
		return false;
	if (form == TDS_FORM_FIXED)
		(void)XXH3_64bits_update(l->state, &size, 1);
	(void)XXH3_64bits_update(l->state, start, (size_t)(b->p - start));
	l->column++;
	return true;
}

size_t sink_part(struct sink_load *l, const uint8_t *data, size_t len, bool *ret_end)
{
	struct bytes b = {.p = data, .end = data + len};
	const uint8_t *taken = data;
	bool more = len > 0;

	if (!l->open && more) {
		if (!l->state)
			l->state = XXH3_createState();
		(void)XXH3_64bits_reset(l->state);
		l->open = true;
		l->column = 0;
		taken = ++b.p;
	}
	while (more && l->column < l->columns.n) {
		if (l->part == PART_BYTES && l->left) {
			part_bytes(l, &b);
			more = b.p < b.end;
		} else if (l->part == PART_BYTES) {
			part_bytes(l, &b);
		} else if (l->part == PART_CHUNKS) {
			more = part_chunk(l, &b);
		} else {
			more = part_value(l, &b);
		}
		if (!b.cut)
			taken = b.p;
	}
	l->bytes += (size_t)(taken - data);
	*ret_end = l->open && l->column == l->columns.n;
	if (*ret_end) {
		l->hash += XXH3_64bits_digest(l->state);
		l->rows++;
		l->open = false;
	}
	return (size_t)(taken - data);
}

void sink_row(struct sink_load *l, const uint8_t *row, size_t len)
{
	l->rows++;
	l->bytes += len;
	if (l->n_written == 0) {
		l->hash += XXH3_64bits(row + 1, len - 1);
		return;
	}
	make_canonical(l, row, len);
	l->hash += XXH3_64bits(l->canonical.data, l->canonical.len);
}

void sink_end(struct sink_load *l, bool give_up, struct reply *r)
{
	if (!give_up && l->sink) {
		pthread_mutex_lock(&l->sink->mutex);
		l->sink->total.rows += l->rows;
		l->sink->total.bytes += l->bytes;
		l->sink->total.hash += l->hash;
		pthread_mutex_unlock(&l->sink->mutex);
	}
	(void)reply_functions.done(r, REPLY_INSERT_BULK, !give_up, l->rows, give_up);
}

void sink_release(struct sink_load *l)
{
	buf_release(&l->canonical);
	(void)XXH3_freeState(l->state);
	l->state = NULL;
}

void sink_read(struct sink *s, struct sink_hash *ret_hash)
{
	pthread_mutex_lock(&s->mutex);
	*ret_hash = s->total;
	pthread_mutex_unlock(&s->mutex);
}

void sink_truncate(struct sink *s)
{
	pthread_mutex_lock(&s->mutex);
	s->total = (struct sink_hash){0};
	pthread_mutex_unlock(&s->mutex);
}

void sink_put_hash(struct reply *r, const struct sink_hash *h)
{
	static struct tds_column v[] = {
		{.name = "rows", .type = TDS_FIXINT8, .size = 8},
		{.name = "bytes", .type = TDS_FIXINT8, .size = 8},
		{.name = "hash", .type = TDS_FIXINT8, .size = 8},
	};
	static const struct tds_columns columns = {.v = v, .n = ARRAY_LEN(v)};
	uint8_t row[1 + 3 * 8] = {TDS_ROW_TOKEN};

	tds_put64(tds_put64(tds_put64(row + 1, h->rows), h->bytes), h->hash);
	(void)reply_functions.columns(r, &columns);
	(void)reply_functions.row(r, row, sizeof(row));
	(void)reply_functions.done(r, REPLY_SELECT, true, 1, false);
}
