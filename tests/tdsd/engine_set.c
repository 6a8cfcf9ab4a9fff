/* SET. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_private.h"

/* Those of an ODBC login; what a db-lib client has off it turns off itself. */
void options_reset(struct options *o)
{
	*o = (struct options){.quoted_identifier = true,
		.ansi_nulls = true,
		.ansi_padding = true,
		.ansi_warnings = true,
		.arithabort = false,
		.concat_null = true,
		.ansi_null_dflt_on = true,
		.isolation = 2,
		.lock_timeout = -1,
		.textsize = 2147483647};
	strcpy(o->language, "us_english");
}

static bool *flag(struct options *o, const char *name)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {{"NOCOUNT", &o->nocount}, {"XACT_ABORT", &o->xact_abort},
		{"QUOTED_IDENTIFIER", &o->quoted_identifier},
		{"IMPLICIT_TRANSACTIONS", &o->implicit_transactions},
		{"ANSI_NULLS", &o->ansi_nulls}, {"ANSI_PADDING", &o->ansi_padding},
		{"ANSI_WARNINGS", &o->ansi_warnings}, {"ARITHABORT", &o->arithabort},
		{"CONCAT_NULL_YIELDS_NULL", &o->concat_null},
		{"NUMERIC_ROUNDABORT", &o->numeric_roundabort}, {"FMTONLY", &o->fmtonly},
		{"ANSI_NULL_DFLT_ON", &o->ansi_null_dflt_on}, {"NOEXEC", &o->noexec},
		{"PARSEONLY", &o->parseonly}};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (strcasecmp(flags[i].name, name) == 0)
			return flags[i].flag;
	return NULL;
}

/* Known, and of no effect here. */
static bool is_idle(const char *name)
{
	static const char *const names[] = {"STATISTICS", "CURSOR_CLOSE_ON_COMMIT",
		"ANSI_NULL_DFLT_OFF", "ARITHIGNORE", "FORCEPLAN", "SHOWPLAN_ALL", "SHOWPLAN_TEXT",
		"SHOWPLAN_XML", "NO_BROWSETABLE", "REMOTE_PROC_TRANSACTIONS", "DATEFORMAT",
		"DATEFIRST", "DEADLOCK_PRIORITY", "CONTEXT_INFO", "QUERY_GOVERNOR_COST_LIMIT",
		"OFFSETS"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

static int set_language(struct session *s, const char *name)
{
	char was[sizeof(s->options.language)];

	strcpy(was, s->options.language);
	if (strlen(name) >= sizeof(was))
		return tsql_fail(&s->error, 2740, name);
	strcpy(s->options.language, name);
	return out_env_text(s, ENGINE_ENV_LANGUAGE, s->options.language, was);
}

static int set_one(struct session *s, struct stmt *st, const char *name)
{
	bool *f = flag(&s->options, name);
	int64_t n = 0;

	if (strcasecmp(name, "ANSI_DEFAULTS") == 0) {
		struct options *o = &s->options;

		o->ansi_nulls = o->ansi_padding = o->ansi_warnings = o->quoted_identifier =
			o->ansi_null_dflt_on = o->implicit_transactions = st->on;
		return 0;
	}
	if (f && !st->e && !st->text) {
		*f = st->on;
		return 0;
	}
	if (is_idle(name))
		return 0;
	if (strcasecmp(name, "LANGUAGE") == 0)
		return set_language(s, st->text               ? st->text
				       : st->e && st->e->text ? st->e->text
							      : "us_english");
	if (strcasecmp(name, "LOCK_TIMEOUT") != 0 && strcasecmp(name, "TEXTSIZE") != 0 &&
		strcasecmp(name, "ROWCOUNT") != 0)
		return tsql_fail(&s->error, 195, name);
	if (!st->e || eval_int(s, st->e, 0, &n))
		return st->e ? -1 : tsql_fail(&s->error, 102, name);
	if (strcasecmp(name, "LOCK_TIMEOUT") == 0)
		s->options.lock_timeout = (int)n;
	else if (strcasecmp(name, "TEXTSIZE") == 0)
		s->options.textsize = n <= 0 ? (n == 0 ? 4096 : 2147483647) : n;
	else
		s->options.rowcount = n;
	return 0;
}

int exec_set_option(struct session *s, struct stmt *st)
{
	for (size_t i = 0; i < st->n_columns; i++)
		if (set_one(s, st, st->columns[i]))
			return -1;
	return 0; /* without a DONE: freebcp -n takes the columns of the last one */
}
