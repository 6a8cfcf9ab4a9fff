/*
 * csv - how fast CSV is split, and typed into rows, on one core.
 *
 *	csv split plain|quoted	100 MB of records in memory, given to the parser in blocks:
 *				MB of CSV a second of CPU
 *	csv typed FILE COLUMNS	the file's records as rows into batches, to nobody
 *	csv inferred FILE	the same, with a first pass for the types
 *
 * Prints "NAME NUMBER" lines, for scripts/bench.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "work/csv.h"
#include "work/source.h"

#define TEXT_SIZE (100u * 1000 * 1000)
#define BLOCK     (256u * 1024)
#define ROUNDS    7

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int failed, const struct err *err)
{
	if (!failed)
		return;
	fprintf(stderr, "csv: %s\n", err->msg);
	exit(1);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double v[ROUNDS])
{
	qsort(v, ROUNDS, sizeof(*v), compare);
	return v[ROUNDS / 2];
}

/* --- split --- */

static void add_field(struct buf *text, bool quoted, const char *field)
{
	if (quoted)
		buf_addc(text, '"');
	buf_adds(text, field);
	if (quoted)
		buf_addc(text, '"');
}

/* Ten fields of usual lengths; every tenth row of the quoted ones has a doubled quote and a comma.
 */
static void make_text(struct buf *text, bool quoted)
{
	uint64_t x = 88172645463325252u;
	char field[64];

	for (unsigned row = 0; text->len < TEXT_SIZE; row++)
		for (unsigned i = 0; i < 10; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			if (i == 6 && quoted && row % 10 == 0)
				snprintf(field, sizeof(field), "the \"\"zeta\"\", %u", row);
			else if (i == 5)
				snprintf(field, sizeof(field), "2024-%02u-%02uT06:00:00.000",
					(unsigned)(x % 12 + 1), (unsigned)(x >> 8) % 28 + 1);
			else if (i == 8)
				snprintf(field, sizeof(field), "%016" PRIx64 "%016" PRIx64, x, ~x);
			else
				snprintf(field, sizeof(field), "%" PRIu64,
					x >> (i * 5 + 10) >> (row % 3 * 8));
			add_field(text, quoted, field);
			buf_addc(text, i == 9 ? '\n' : ',');
		}
}

static uint64_t split(struct csv *csv, const struct buf *text)
{
	struct csv_record r;
	struct err err = ERR_INIT;
	uint64_t sum = 0;
	size_t room;
	int rc;

	csv_reset(csv);
	for (size_t at = 0; at < text->len;) {
		size_t n = text->len - at < BLOCK ? text->len - at : BLOCK;

		memcpy(csv_room(csv, &room), text->data + at, n);
		csv_add(csv, n);
		at += n;
		while ((rc = csv_next(csv, &r, &err)) > 0)
			sum += r.n;
		must(rc < 0, &err);
	}
	return sum;
}

static void bench_split(bool quoted)
{
	const struct csv_syntax syntax = {.delimiter = ',', .quote = '"', .max_field = 1 << 20};
	struct csv *csv = csv_new(&syntax);
	struct buf text = BUF_INIT(2 * TEXT_SIZE);
	double v[ROUNDS];
	uint64_t fields = 0;

	make_text(&text, quoted);
	for (int i = 0; i < ROUNDS; i++) {
		double start = cpu();

		fields = split(csv, &text);
		v[i] = (double)text.len / 1e6 / (cpu() - start);
	}
	printf("split_%s_mb_s %.0f\nfields %" PRIu64 "\nbytes_a_field %.1f\n",
		quoted ? "quoted" : "plain", median(v), fields, (double)text.len / (double)fields);
	buf_release(&text);
	csv_free(csv);
}

/* --- typed --- */

static uint64_t read_rows(const struct source_request *request, struct batch *b)
{
	const struct tds_columns *cols;
	struct source *source;
	struct err err = ERR_INIT;
	uint64_t rows = 0;
	int rc;

	must(source_csv.open(request, &source, &err) || source_csv.columns(source, &cols, &err),
		&err);
	while (batch_reset(b), (rc = source_csv.read(source, b, &err)) > 0)
		rows += b->rows;
	must(rc < 0, &err);
	source_csv.close(source);
	return rows;
}

static void bench_typed(const char *path, const char *columns)
{
	const struct connection conn = {.name = "bench",
		.path = path,
		.format = {.delimiter = ",",
			.quote = "\"",
			.escape = CSV_ESCAPE_DOUBLED,
			.header = "yes",
			.null_text = "",
			.encoding = "utf-8",
			.file_column = "",
			.line_end = "lf",
			.max_field = 1 << 20}};
	const struct job job = {.name = "bench", .columns = columns, .parallel = 1};
	const struct source_request request = {.conn = &conn, .job = &job, .ranges = 1};
	struct batch batch;
	double v[ROUNDS];
	uint64_t rows = 0;
	FILE *file = fopen(path, "rb");
	double size;

	if (!file || fseek(file, 0, SEEK_END) < 0) {
		perror(path);
		exit(1);
	}
	size = (double)ftell(file);
	fclose(file);
	batch_init(&batch);
	for (int i = 0; i < ROUNDS; i++) {
		double start = cpu();

		rows = read_rows(&request, &batch);
		v[i] = size / 1e6 / (cpu() - start);
	}
	printf("%s_mb_s %.0f\nrows %" PRIu64 "\n", columns ? "typed" : "inferred", median(v), rows);
	batch_release(&batch);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "split") == 0)
		bench_split(strcmp(argv[2], "quoted") == 0);
	else if (argc == 4 && strcmp(argv[1], "typed") == 0)
		bench_typed(argv[2], argv[3]);
	else if (argc == 3 && strcmp(argv[1], "inferred") == 0)
		bench_typed(argv[2], NULL);
	else
		return 2;
	return 0;
}
