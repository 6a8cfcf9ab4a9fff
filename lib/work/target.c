#include "work/target.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "tds/declare.h"
#include "work/digest.h"

#define RUN_UID_MAX 64 /* a UUID has 36 */

static const struct target_ops *const targets[] = {&target_sqlite, &target_csv, &target_mssql};

const struct target_ops *target_find(enum driver driver)
{
	for (size_t i = 0; i < ARRAY_LEN(targets); i++)
		if (targets[i]->driver == driver)
			return targets[i];
	return NULL;
}

int target_of(const struct settings *settings, const struct job *job,
	const struct connection **ret_conn, const struct target_ops **ret_ops, struct err *err)
{
	const struct connection *conn;
	const struct target_ops *ops;
	char used_by[JOB_NAME_MAX + 32];

	snprintf(used_by, sizeof(used_by), "job '%s': target", job->name);
	if (settings_connection(settings, job->target ? job->target : "", used_by, &conn, err))
		return -1;
	ops = target_find(conn->driver);
	if (!ops) {
		err_set(err, ERR_CONFIG, "connection '%s': driver '%s' cannot be written to",
			conn->name, driver_name(conn->driver));
		return err_wrap(err, "%s", conn->where);
	}
	*ret_conn = conn;
	*ret_ops = ops;
	return 0;
}

const char *load_name(const struct load *load)
{
	const struct job *job = load->job;

	return job->target_table && *job->target_table ? job->target_table : job->name;
}

int load_check(const struct load *load, struct err *err)
{
	const char *uid = load->run_uid;
	size_t n = 0;

	while (isalnum((unsigned char)uid[n]) || uid[n] == '-')
		n++;
	if (n == 0 || n > RUN_UID_MAX || uid[n])
		return err_set(err, ERR_DATA, "run_uid '%.*s' is not a UUID", RUN_UID_MAX, uid);
	return 0;
}

static bool named_twice(const struct tds_columns *cols, const char *name)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < cols->n; i++)
		n += strcasecmp(cols->v[i].name, name) == 0;
	return n > 1;
}

int load_columns(const struct load *load, const struct tds_columns *cols, struct arena *a,
	struct tds_columns *ret_columns, struct err *err)
{
	struct tds_columns renamed = {
		.v = arena_array(a, cols->n ? cols->n : 1, sizeof(*cols->v)), .n = cols->n};
	struct tds_rename *renames;
	uint32_t n;

	if (cols->n)
		memcpy(renamed.v, cols->v, cols->n * sizeof(*cols->v));
	if (tds_renames_parse(load->job->column_map, a, &renames, &n, err) < 0)
		return err_wrap(err, "column_map");
	for (uint32_t i = 0; i < n; i++) {
		int at = tds_column_find(cols, renames[i].from);

		if (at < 0)
			return err_set(err, ERR_CONFIG, "column_map: the source has no column '%s'",
				renames[i].from);
		renamed.v[at].name = renames[i].to;
	}
	for (uint32_t i = 0; i < n; i++)
		if (named_twice(&renamed, renames[i].to))
			return err_set(err, ERR_CONFIG,
				"column_map: two columns would be '%s' (case does not count)",
				renames[i].to);
	*ret_columns = renamed;
	return 0;
}

void load_tell_digest(const struct job *job, bool verified, const struct digest *digest, struct lineage *l)
{
	char text[DIGEST_TEXT_LEN + 1];

	if (verified && job->verify == VERIFY_DIGEST)
		lineage_set(l, LINEAGE_digest, digest_text(digest, text));
}

int load_check_min_rows(const struct job *job, const char *what, uint64_t before, uint64_t staged,
	struct err *err)
{
	if (before == 0 || staged >= (uint64_t)job->min_rows)
		return 0;
	err_set(err, ERR_DATA,
		"%" PRIu64 " rows of the source would replace a %s that has rows "
		"(min_rows is %" PRId64 ")",
		staged, what, job->min_rows);
	return err_hint(err, "set min_rows = 0 if so few rows are right");
}

int load_check_max_delete(const struct job *job, const char *what, int64_t before, int64_t fewer,
	struct err *err)
{
	int64_t max;

	if (job_max_delete(job, before, &max, err) < 0)
		return -1;
	if (fewer <= max)
		return 0;
	err_set(err, ERR_DATA,
		"%" PRId64 " of the %s's %" PRId64 " rows would go, and max_delete is %s", fewer,
		what, before, job->max_delete);
	return err_hint(err, "look at the source; raise max_delete if so many are right");
}

/* --- a statement in a message --- */

#define SHOWN_MAX 60 /* bytes of it */

static const char *skip_blanks_and_comments(const char *sql)
{
	for (;;) {
		const char *start = sql;

		sql += strspn(sql, " \t\r\n\f;");
		if (strncmp(sql, "--", 2) == 0)
			sql += strcspn(sql, "\n");
		if (strncmp(sql, "/*", 2) == 0 && strstr(sql + 2, "*/"))
			sql = strstr(sql + 2, "*/") + 2;
		if (sql == start)
			return sql;
	}
}

void script_show(const char *sql, const char *end, char out[SCRIPT_SHOWN_MAX])
{
	char text[SHOWN_MAX + 1];
	size_t n = 0, cut;

	for (sql = skip_blanks_and_comments(sql); sql < end && n < sizeof(text); sql++) {
		bool blank = isspace((unsigned char)*sql);

		if (!blank)
			text[n++] = *sql;
		else if (n && text[n - 1] != ' ')
			text[n++] = ' ';
	}
	cut = utf8_cut_at(text, n, SHOWN_MAX);
	while (cut && strchr("; ", text[cut - 1]))
		cut--;
	snprintf(out, SCRIPT_SHOWN_MAX, "%.*s%s", (int)cut, text, n > SHOWN_MAX ? " …" : "");
}
