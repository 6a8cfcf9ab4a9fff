/*
 * rows - what rows in flight cost: encode, scan, decode, and a whole row converted.
 *
 *	rows [ROUNDS]
 *
 * Rows of int, bigint, decimal(18,4), money, float, datetime2(3), nvarchar(50), varchar(50),
 * uniqueidentifier, bit in memory, one value in sixteen null. Conversion is to columns that each
 * have another form: bigint, decimal(19,0), …. Prints "NAME NUMBER" lines: rows a second of CPU,
 * the median of the rounds, for scripts/bench.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tds/convert.h"
#include "tds/declare.h"
#include "tds/row.h"
#include "tds/scan.h"

#define ROWS        1000 /* about 160 KB: what a batch is */
#define REPEAT      500
#define ROUNDS      9
#define ROUNDS_MAX  99
#define TEXT_MAX    30
#define COLUMNS     10
#define SCRATCH_MAX 65536

static const char declaration[] =
	"a int, b bigint, c decimal(18,4), d money, e float, f datetime2(3), g nvarchar(50),"
	" h varchar(50), i uniqueidentifier, j bit";
static const char converted[] =
	"a bigint, b decimal(19,0), c decimal(28,6), d decimal(19,4), e float, f datetime2(7),"
	" g varchar(150), h nvarchar(50), i varchar(36), j int";

struct bench {
	struct arena arena;
	struct tds_columns cols, to;
	struct tds_plan *plan;
	struct tds_conversion conversions[COLUMNS];
	struct tds_value v[ROWS][COLUMNS];
	char text[ROWS][2][2 * TEXT_MAX];
	uint8_t *bytes, *end, *room;
	uint64_t sum; /* of what was seen, so that it is not optimised away */
};

static void must(int rc, const struct err *err)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "rows: %s\n", err->msg);
	exit(1);
}

static uint64_t next_random(void)
{
	static uint64_t seed = 88172645463325252;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * UINT64_C(0x2545F4914F6CDD1D);
}

static struct tds_value random_text(char *out, bool utf16)
{
	uint32_t len = (uint32_t)(next_random() % TEXT_MAX), unit = utf16 ? 2 : 1;

	memset(out, 0, (size_t)len * unit);
	for (uint32_t i = 0; i < len; i++)
		out[i * unit] = (char)('a' + next_random() % 26);
	return (struct tds_value){
		.kind = utf16 ? TDS_UTF16 : TDS_TEXT, .s = {(const uint8_t *)out, len * unit}};
}

static void make_row(struct bench *b, unsigned row)
{
	struct tds_value *v = b->v[row];
	uint64_t r = next_random();

	v[0] = (struct tds_value){.kind = TDS_INT, .i = (int32_t)r};
	v[1] = (struct tds_value){.kind = TDS_INT, .i = (int64_t)r};
	v[2] = (struct tds_value){.kind = TDS_DECIMAL, .d = {r % UINT64_C(1000000000000), r & 1}};
	v[3] = (struct tds_value){.kind = TDS_DECIMAL, .d = {r % UINT64_C(100000000), r & 2}};
	v[4] = (struct tds_value){.kind = TDS_REAL, .r = (double)(r >> 11) / 1e6};
	v[5] = (struct tds_value){.kind = TDS_TIME, .t.days = 735000 + (int32_t)(r % 3000)};
	v[5].t.ticks = r % 86400000 * 10000;
	v[6] = random_text(b->text[row][0], true);
	v[7] = random_text(b->text[row][1], false);
	v[8].kind = TDS_UUID;
	memcpy(v[8].uuid, &r, 8);
	memcpy(v[8].uuid + 8, &r, 8);
	v[9] = (struct tds_value){.kind = TDS_INT, .i = (int64_t)(r & 1)};
	for (unsigned i = 0; i < COLUMNS; i++)
		if (next_random() % 16 == 0)
			v[i].kind = TDS_NULL;
}

static uint8_t *encode_all(struct bench *b, uint8_t *p)
{
	for (unsigned row = 0; row < ROWS; row++) {
		*p++ = TDS_ROW_TOKEN;
		for (unsigned i = 0; i < COLUMNS; i++)
			p = tds_encode(p, &b->cols.v[i], &b->v[row][i]);
	}
	return p;
}

static void make(struct bench *b)
{
	size_t most = ROWS, most_converted = ROWS;
	struct err err = ERR_INIT;

	must(tds_declare_parse(declaration, &b->arena, &b->cols, &err), &err);
	must(tds_declare_parse(converted, &b->arena, &b->to, &err), &err);
	for (unsigned i = 0; i < COLUMNS; i++) {
		most += ROWS * tds_encoded_max(&b->cols.v[i], 2 * TEXT_MAX);
		most_converted += ROWS * tds_encoded_max(&b->to.v[i], 2 * TEXT_MAX);
		must(tds_conversion_init(&b->conversions[i], &b->cols.v[i], &b->to.v[i], &err),
			&err);
	}
	b->bytes = mem_alloc(most);
	b->room = mem_alloc(most > most_converted ? most : most_converted);
	for (unsigned row = 0; row < ROWS; row++)
		make_row(b, row);
	b->end = encode_all(b, b->bytes);
	b->plan = tds_plan_new(&b->cols);
}

static void encode(struct bench *b)
{
	b->sum += (uint64_t)(encode_all(b, b->room) - b->room);
}

static void scan(struct bench *b)
{
	struct tds_scan at = {.state = 0};
	struct err err = ERR_INIT;
	size_t used;

	for (const uint8_t *p = b->bytes; p < b->end; p += used) {
		must(tds_scan_row(b->plan, &at, p, (size_t)(b->end - p), &used, &err) - 1, &err);
		b->sum++;
	}
}

static void decode(struct bench *b)
{
	struct err err = ERR_INIT;
	struct tds_value v;

	for (const uint8_t *p = b->bytes; p < b->end;) {
		p++; /* the token */
		for (unsigned i = 0; i < COLUMNS; i++) {
			must(tds_decode(&p, b->end, &b->cols.v[i], NULL, &v, &err), &err);
			b->sum += v.kind;
		}
	}
}

static void convert(struct bench *b)
{
	struct buf scratch = BUF_INIT(SCRATCH_MAX);
	struct err err = ERR_INIT;
	struct tds_value v, w;
	uint8_t *out = b->room;

	for (const uint8_t *p = b->bytes; p < b->end;) {
		p++;
		*out++ = TDS_ROW_TOKEN;
		for (unsigned i = 0; i < COLUMNS; i++) {
			must(tds_decode(&p, b->end, &b->cols.v[i], NULL, &v, &err), &err);
			must(tds_conversion_apply(&b->conversions[i], &v, &scratch, &w, NULL, &err),
				&err);
			out = tds_encode(out, &b->to.v[i], &w);
		}
	}
	b->sum += (uint64_t)(out - b->room);
	buf_release(&scratch);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(
	struct bench *b, const char *name, void (*work)(struct bench *b), unsigned rounds)
{
	double rates[ROUNDS_MAX];

	for (unsigned round = 0; round < rounds; round++) {
		double start = cpu_seconds();

		for (unsigned i = 0; i < REPEAT; i++)
			work(b);
		rates[round] = (double)ROWS * REPEAT / (cpu_seconds() - start);
	}
	qsort(rates, rounds, sizeof(rates[0]), by_value);
	printf("%s %.0f\n", name, rates[rounds / 2]);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : ROUNDS;
	struct bench *b = mem_alloc(sizeof(*b));

	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	make(b);
	printf("bytes %.0f\n", (double)(b->end - b->bytes) / ROWS);
	measure(b, "scan", scan, rounds);
	measure(b, "encode", encode, rounds);
	measure(b, "decode", decode, rounds);
	measure(b, "convert", convert, rounds);
	tds_plan_free(b->plan);
	arena_release(&b->arena);
	free(b->bytes);
	free(b->room);
	free(b);
	return 0;
}
