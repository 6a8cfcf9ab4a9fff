/*
 * Any bytes, cut anywhere, give the same records and the same error as in one
 * piece. The first bytes of the input are the options: delimiter, quote and
 * escape, greatest field, fields expected, and how the rest is cut.
 */
#include "work/csv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OPTION_BYTES 4

/* FNV-1a of all that came out. */
struct digest {
	uint64_t v;
};

static void mix(struct digest *d, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		d->v = (d->v ^ p[i]) * UINT64_C(0x100000001B3);
}

static void mix_record(struct digest *d, const struct csv_record *r)
{
	uint64_t line, column;

	mix(d, &r->line, sizeof(r->line));
	for (uint32_t i = 0; i < r->n; i++) {
		const struct csv_field *f = &r->v[i];

		csv_locate(r, i, &line, &column);
		if (line != r->line + f->line || f->off + f->len > r->size)
			abort();
		mix(d, &column, sizeof(column));
		mix(d, f, offsetof(struct csv_field, quoted));
		mix(d, &f->quoted, sizeof(f->quoted));
		mix(d, csv_text(r, i), f->len);
	}
}

static int drain(struct csv *csv, struct digest *d)
{
	struct err err = ERR_INIT;
	struct csv_record r;
	int rc;

	while ((rc = csv_next(csv, &r, &err)) > 0 || csv_passed_over(csv)) {
		if (rc > 0) {
			mix_record(d, &r);
			continue;
		}
		mix(d, err.msg, strlen(err.msg));
		mix(d, err.value, strlen(err.value));
		err_clear(&err);
	}
	if (rc < 0)
		mix(d, err.msg, strlen(err.msg));
	return rc;
}

static struct digest parse(const uint8_t *options, const uint8_t *data, size_t size, size_t step)
{
	static const char delimiters[] = ",;\t|";
	struct digest d = {UINT64_C(0xCBF29CE484222325)};
	static const char quotes[] = "\"\"'\0", escapes[] = "\0\0\\^";
	const struct csv_syntax syntax = {.delimiter = delimiters[options[0] % 4],
		.quote = quotes[options[0] / 4 % 4],
		.escape = escapes[options[0] / 16 % 4],
		.max_field = 1u + options[1]};
	struct csv *csv = csv_new(&syntax);
	size_t at = 0, room, n;
	int rc = 0;

	csv_expect(csv, options[2] % 8, "the header has");
	while (rc == 0 && at < size) {
		char *to = csv_room(csv, &room);

		n = step < size - at ? step : size - at;
		memcpy(to, data + at, n);
		csv_add(csv, n);
		at += n;
		rc = drain(csv, &d);
	}
	if (rc == 0) {
		csv_end(csv);
		rc = drain(csv, &d);
	}
	mix(&d, &rc, sizeof(rc));
	csv_free(csv);
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *options = data;
	struct digest whole;

	if (size <= OPTION_BYTES || size > CSV_BLOCK)
		return 0;
	data += OPTION_BYTES;
	size -= OPTION_BYTES;
	whole = parse(options, data, size, size);
	if (parse(options, data, size, 1).v != whole.v)
		abort();
	if (parse(options, data, size, 1u + options[3]).v != whole.v)
		abort();
	return 0;
}
