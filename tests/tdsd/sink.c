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
	*l = (struct sink_load){.sink = sink, .columns = *columns, .plain = true};
	buf_init(&l->canonical, CANONICAL_MAX);
	for (uint32_t i = 0; i < columns->n; i++) {
		enum tds_form form = tds_form(&columns->v[i]);

		l->plain &=
			form != TDS_FORM_PLP && form != TDS_FORM_TEXTPTR && form != TDS_FORM_FIXED;
	}
}

/* A (max) value: how many bytes, and the bytes of its chunks behind one another. */
static uint8_t *put_plp(uint8_t *out, struct bytes *b)
{
	uint64_t total = bytes_number(b, 8), chunk;
	uint8_t *len = out;

	out = tds_put64(out, TDS_PLP_NULL);
	if (total == TDS_PLP_NULL)
		return out;
	while ((chunk = bytes_number(b, 4)) > 0)
		out = tds_put_bytes(out, bytes_take(b, chunk), (uint32_t)chunk);
	tds_put64(len, (uint64_t)(out - len) - 8);
	return out;
}

/* text, ntext and image: as the (max) value. */
static uint8_t *put_textptr(uint8_t *out, struct bytes *b)
{
	uint64_t pointer = bytes_number(b, 1), len;

	if (pointer == 0)
		return tds_put64(out, TDS_PLP_NULL);
	(void)bytes_take(b, pointer + 8);
	len = bytes_number(b, 4);
	return tds_put_bytes(tds_put64(out, len), bytes_take(b, len), (uint32_t)len);
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
	for (uint32_t i = 0; i < l->columns.n; i++)
		out = put_canonical(out, &b, &l->columns.v[i]);
	buf_advance(&l->canonical, (size_t)(out - start));
}

void sink_row(struct sink_load *l, const uint8_t *row, size_t len)
{
	l->rows++;
	l->bytes += len;
	if (l->plain) {
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
