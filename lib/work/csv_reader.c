#include "work/csv_reader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "work/csv_file.h"
#include "work/csv_syntax.h"
#include "work/csv_table.h"

/* A file, as the first pass found it. */
struct seen {
	bool known;
	struct stat st;
};

struct csv_reader {
	const struct csv_format *format;
	const atomic_bool *cancel;
	int (*malformed)(void *arg, struct err *why);
	void *arg;
	struct arena arena;
	struct csv_table table;
	struct seen *seen;
	uint64_t size;
	struct csv *csv;

	uint32_t n; /* fields; 0: not known yet */
	const char *who;
	const char *const *names;

	uint32_t at; /* of the table's files, the open one */
	bool done;   /* it was the last, and has ended */
	struct csv_file file;
	uint64_t bytes; /* of the files before it */
	struct csv_record held;
	bool holding;
};

static int find_files(
	struct csv_reader *r, const struct csv_reader_request *request, struct err *err)
{
	if (csv_table_find(request->conn, request->table, &r->arena, &r->table, err) < 0)
		return -1;
	r->seen = arena_array(&r->arena, r->table.n, sizeof(*r->seen));
	for (uint32_t i = 0; i < r->table.n; i++) {
		struct stat st;

		if (stat(r->table.v[i].path, &st) == 0 && S_ISREG(st.st_mode))
			r->size += (uint64_t)st.st_size;
	}
	return 0;
}

static int open_file(struct csv_reader *r, struct err *err)
{
	return csv_file_open(&r->file, r->table.v[r->at].path, r->format->encoding, err);
}

int csv_reader_open(
	const struct csv_reader_request *request, struct csv_reader **ret_reader, struct err *err)
{
	struct csv_reader *r = mem_alloc(sizeof(*r));
	struct csv_syntax syntax;

	r->format = request->format;
	r->cancel = request->cancel;
	r->malformed = request->malformed;
	r->arg = request->arg;
	if (csv_syntax_of(r->format, &syntax, err) < 0 || find_files(r, request, err) < 0 ||
		open_file(r, err) < 0) {
		csv_reader_close(r);
		return -1;
	}
	r->csv = csv_new(&syntax);
	*ret_reader = r;
	return 0;
}

void csv_reader_close(struct csv_reader *r)
{
	if (!r)
		return;
	csv_file_close(&r->file);
	csv_free(r->csv);
	arena_release(&r->arena);
	free(r);
}

/* --- one file ---------------------------------------------------------------- */

static int check_cancel(const struct csv_reader *r, struct err *err)
{
	if (r->cancel && atomic_load_explicit(r->cancel, memory_order_relaxed))
		return err_set(err, ERR_CANCELLED, "cancelled");
	return 0;
}

static int changed(const struct csv_reader *r, struct err *err)
{
	return err_set(err, ERR_DATA, "'%s' changed while it was read", r->table.v[r->at].path);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* It is what it was when it was opened, and in an earlier pass. */
static int check_file(struct csv_reader *r, struct err *err)
{
	struct seen *seen = &r->seen[r->at];

	if (input_check(&r->file.in, err) < 0)
		return -1;
	if (seen->known && !is_same(&seen->st, &r->file.in.opened))
		return changed(r, err);
	seen->known = true;
	seen->st = r->file.in.opened;
	return 0;
}

/* As csv_reader_next, of the open file. */
static int next_of_file(struct csv_reader *r, struct csv_record *record, struct err *err)
{
	int rc;

	while ((rc = csv_next(r->csv, record, err)) <= 0) {
		if (rc < 0) {
			err_wrap(err, "%s", csv_reader_file(r));
			if (!csv_passed_over(r->csv) || !r->malformed || r->malformed(r->arg, err) < 0)
				return -1;
			continue;
		}
		if (r->file.ended)
			return check_file(r, err);
		if (check_cancel(r, err) < 0 || csv_file_feed(&r->file, r->csv, err) < 0)
			return -1;
	}
	return 1;
}

static bool is_name(const struct csv_reader *r, const struct csv_record *header, uint32_t i)
{
	return strlen(r->names[i]) == header->v[i].len &&
	       memcmp(r->names[i], csv_text(header, i), header->v[i].len) == 0;
}

static int other_header(
	const struct csv_reader *r, const struct csv_record *header, uint32_t i, struct err *err)
{
	uint64_t line, column;

	if (r->at == 0)
		return changed(r, err);
	csv_locate(header, i, &line, &column);
	err_set(err, ERR_DATA,
		"%s: line %llu, column %llu: the header has '%.*s' where '%s' has '%s'",
		csv_reader_file(r), (unsigned long long)line, (unsigned long long)column,
		(int)(header->v[i].len < 100 ? header->v[i].len : 100), csv_text(header, i),
		r->table.v[0].name, r->names[i]);
	return err_hint(err, "all files of a pattern need the same columns in the same order");
}

static int skip_header(struct csv_reader *r, struct err *err)
{
	struct csv_record header;
	int rc = next_of_file(r, &header, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(err, ERR_DATA, "%s: the file is empty", csv_reader_file(r));
	for (uint32_t i = 0; i < header.n; i++)
		if (!is_name(r, &header, i))
			return other_header(r, &header, i, err);
	return 0;
}

/* The open file from its beginning, behind its header. */
static int begin_file(struct csv_reader *r, struct err *err)
{
	csv_reset(r->csv);
	csv_expect(r->csv, r->n, r->who);
	return r->names ? skip_header(r, err) : 0;
}

static int open_next(struct csv_reader *r, struct err *err)
{
	r->done = r->at + 1 == r->table.n;
	if (r->done)
		return 0;
	r->bytes += r->file.in.bytes;
	csv_file_close(&r->file);
	r->at++;
	return open_file(r, err) < 0 ? -1 : begin_file(r, err);
}

/* --- all of them ------------------------------------------------------------- */

int csv_reader_header(struct csv_reader *r, struct csv_record *ret_header, struct err *err)
{
	return next_of_file(r, ret_header, err);
}

void csv_reader_expect(struct csv_reader *r, uint32_t n, const char *who, const char *const *names)
{
	r->n = n;
	r->who = who;
	r->names = names;
	csv_expect(r->csv, n, who);
}

int csv_reader_next(struct csv_reader *r, struct csv_record *ret_record, struct err *err)
{
	int rc = 0;

	if (r->holding) {
		*ret_record = r->held;
		r->holding = false;
		return 1;
	}
	while (!r->done && (rc = next_of_file(r, ret_record, err)) == 0)
		if (open_next(r, err) < 0)
			return -1;
	return rc;
}

void csv_reader_back(struct csv_reader *r, const struct csv_record *record)
{
	r->held = *record;
	r->holding = true;
}

/* One file stays open: it is the same one then. */
int csv_reader_rewind(struct csv_reader *r, struct err *err)
{
	r->holding = r->done = false;
	r->bytes = 0;
	if (r->at == 0) {
		if (csv_file_rewind(&r->file, err) < 0)
			return -1;
	} else {
		csv_file_close(&r->file);
		r->at = 0;
		if (open_file(r, err) < 0)
			return -1;
	}
	return begin_file(r, err);
}

bool csv_reader_is_stream(const struct csv_reader *r)
{
	return r->file.in.is_stream;
}

const char *csv_reader_file(const struct csv_reader *r)
{
	return r->table.v[r->at].name;
}

uint64_t csv_reader_bytes(const struct csv_reader *r)
{
	return r->bytes + r->file.in.bytes;
}

uint64_t csv_reader_size(const struct csv_reader *r)
{
	return r->size;
}
