/* SERVERPROPERTY and its kin, and the @@ functions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_translate.h"

#define SERVER_NAME    "TDSD"
#define SERVER_VERSION "15.0.4322.2"

/* A value as sql_variant: text where `text` is not NULL. */
static void give_variant(sqlite3_context *context, const char *text, int64_t number)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct tds_column t = text ? engine_text_type(true, 128) : engine_int_type(4);
	struct cell c = text ? cell_text(text, strlen(text)) : cell_int(number);

	c = variant_of(&t, &c, &a);
	cell_result(context, &c);
}

static void f_serverproperty(sqlite3_context *context, int n, sqlite3_value **v)
{
	static const struct {
		const char *name, *text;
		int number;
	} properties[] = {{"ProductVersion", SERVER_VERSION, 0}, {"ProductLevel", "RTM", 0},
		{"Edition", "Developer Edition (64-bit)", 0}, {"EngineEdition", NULL, 3},
		{"EditionID", NULL, -2117995310}, {"ProductMajorVersion", "15", 0},
		{"ProductMinorVersion", "0", 0}, {"Collation", "SQL_Latin1_General_CP1_CI_AS", 0},
		{"MachineName", SERVER_NAME, 0}, {"ServerName", SERVER_NAME, 0},
		{"IsClustered", NULL, 0}, {"IsHadrEnabled", NULL, 0}, {"IsSingleUser", NULL, 0},
		{"IsIntegratedSecurityOnly", NULL, 0}, {"LCID", NULL, 1033},
		{"SqlCharSetName", "iso_1", 0}, {"IsFullTextInstalled", NULL, 0},
		{"IsXTPSupported", NULL, 0},
		{"ComputerNamePhysicalNetBIOS", SERVER_NAME, 0}, 
		{"ProductUpdateLevel", "CU16", 0}, {"ProcessID", NULL, 1},
		{"IsPolyBaseInstalled", NULL, 0}, {"IsLocalDB", NULL, 0}};
	const char *name = (const char *)sqlite3_value_text(v[0]);

	(void)n;
	for (size_t i = 0; name && i < ARRAY_LEN(properties); i++)
		if (strcasecmp(properties[i].name, name) == 0)
			give_variant(context, properties[i].text, properties[i].number);
}

static void f_databaseproperty(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	const char *database = (const char *)sqlite3_value_text(v[0]),
		   *name = (const char *)sqlite3_value_text(v[1]);
	struct database *d = database ? engine_database(s->e, database) : NULL;

	(void)n;
	if (!d || !name)
		return;
	if (strcasecmp(name, "Collation") == 0)
		give_variant(context, "SQL_Latin1_General_CP1_CI_AS", 0);
	else if (strcasecmp(name, "Status") == 0)
		give_variant(context, "ONLINE", 0);
	else if (strcasecmp(name, "Updateability") == 0)
		give_variant(context, d->read_only ? "READ_ONLY" : "READ_WRITE", 0);
	else if (strcasecmp(name, "UserAccess") == 0)
		give_variant(context, "MULTI_USER", 0);
	else if (strcasecmp(name, "Recovery") == 0)
		give_variant(context,
			d->recovery == 1   ? "FULL"
			: d->recovery == 2 ? "BULK_LOGGED"
					   : "SIMPLE",
			0);
	else if (strcasecmp(name, "LCID") == 0)
		give_variant(context, NULL, 1033);
	else if (strcasecmp(name, "IsTornPageDetectionEnabled") == 0 ||
		 strcasecmp(name, "IsAutoClose") == 0 || strcasecmp(name, "IsInStandBy") == 0)
		give_variant(context, NULL, 0);
	else if (strcasecmp(name, "Version") == 0)
		give_variant(context, NULL, 904);
}

/* As OBJECTPROPERTY, whose values are numbers but for BaseType. */
static void f_objectpropertyex(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;

	(void)n;
	if (sqlite3_prepare_v2(s->db, "SELECT t_objectproperty(?1, ?2)", -1, &stmt, NULL) !=
			SQLITE_OK ||
		sqlite3_bind_value(stmt, 1, v[0]) != SQLITE_OK ||
		sqlite3_bind_value(stmt, 2, v[1]) != SQLITE_OK ||
		sqlite3_step(stmt) != SQLITE_ROW || sqlite3_column_type(stmt, 0) == SQLITE_NULL)
		return;
	if (sqlite3_column_type(stmt, 0) == SQLITE_TEXT)
		give_variant(context, (const char *)sqlite3_column_text(stmt, 0), 0);
	else
		give_variant(context, NULL, sqlite3_column_int64(stmt, 0));
}

static void f_sessionproperty(sqlite3_context *context, int n, sqlite3_value **v)
{
	const struct options *o = &function_session(context)->options;
	const char *name = (const char *)sqlite3_value_text(v[0]);
	const struct {
		const char *name;
		bool on;
	} properties[] = {{"ANSI_NULLS", o->ansi_nulls}, {"ANSI_PADDING", o->ansi_padding},
		{"ANSI_WARNINGS", o->ansi_warnings}, {"ARITHABORT", o->arithabort},
		{"CONCAT_NULL_YIELDS_NULL", o->concat_null},
		{"NUMERIC_ROUNDABORT", o->numeric_roundabort},
		{"QUOTED_IDENTIFIER", o->quoted_identifier}};

	(void)n;
	for (size_t i = 0; name && i < ARRAY_LEN(properties); i++)
		if (strcasecmp(properties[i].name, name) == 0)
			give_variant(context, NULL, properties[i].on);
}

static void f_connectionproperty(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	const char *name = (const char *)sqlite3_value_text(v[0]);

	(void)n;
	if (!name)
		return;
	if (strcasecmp(name, "net_transport") == 0 ||
		strcasecmp(name, "physical_net_transport") == 0)
		give_variant(context, "TCP", 0);
	else if (strcasecmp(name, "protocol_type") == 0)
		give_variant(context, "TSQL", 0);
	else if (strcasecmp(name, "auth_scheme") == 0)
		give_variant(context, s->auth_scheme, 0);
}

static void f_session_context(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	const char *key = (const char *)sqlite3_value_text(v[0]);

	(void)n;
	for (struct context_entry *e = s->context; key && e; e = e->next) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		struct cell c;

		if (strcasecmp(e->key, key) != 0)
			continue;
		c = e->type.type == TDS_VARIANT ? e->value : variant_of(&e->type, &e->value, &a);
		cell_result(context, &c);
	}
}

int functions_register_properties(struct session *s)
{
	return function_add(s, "t_objectpropertyex", 2, f_objectpropertyex, false) ||
			       function_add(s, "t_serverproperty", 1, f_serverproperty, false) ||
			       function_add(
				       s, "t_databaseproperty", 2, f_databaseproperty, false) ||
			       function_add(s, "t_sessionproperty", 1, f_sessionproperty, false) ||
			       function_add(
				       s, "t_connectionproperty", 1, f_connectionproperty, false) ||
			       function_add(s, "t_session_context", 1, f_session_context, false)
		       ? -1
		       : 0;
}

/* --- @@x --- */

/* Bits of @@OPTIONS. */
static int64_t option_bits(const struct session *s)
{
	const struct options *o = &s->options;

	return (o->implicit_transactions ? 2 : 0) | (o->ansi_warnings ? 8 : 0) |
	       (o->ansi_padding ? 16 : 0) | (o->ansi_nulls ? 32 : 0) | (o->arithabort ? 64 : 0) |
	       (o->quoted_identifier ? 256 : 0) | (o->nocount ? 512 : 0) |
	       (o->ansi_null_dflt_on ? 1024 : 0) | (o->concat_null ? 4096 : 0) |
	       (o->numeric_roundabort ? 8192 : 0) | (o->xact_abort ? 16384 : 0);
}

static int number_global(struct translator *t, const char *name, unsigned size, int64_t *ret)
{
	struct session *s = t->s;
	int nest = s->frame ? s->frame->depth : 0;
	const struct {
		const char *name;
		unsigned size;
		int64_t value;
	} numbers[] = {{"@@spid", 2, s->spid}, {"@@trancount", 4, s->trancount},
		{"@@rowcount", 4, s->rowcount}, {"@@error", 4, s->last_error},
		{"@@options", 4, option_bits(s)}, {"@@lock_timeout", 4, s->options.lock_timeout},
		{"@@textsize", 4, s->options.textsize}, {"@@max_precision", 1, 38},
		{"@@nestlevel", 4, nest}, {"@@procid", 4, 0}, {"@@datefirst", 1, 7},
		{"@@langid", 2, 0}, {"@@microsoftversion", 4, 0x0F0010E2}, {"@@fetch_status", 4, 0},
		{"@@max_connections", 4, 32767}, {"@@connections", 4, s->spid},
		{"@@cpu_busy", 4, 0}};

	(void)size;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if (strcasecmp(numbers[i].name, name) != 0)
			continue;
		*ret = numbers[i].value;
		return (int)numbers[i].size;
	}
	return 0;
}

int tr_global(struct translator *t, const char *name, struct term *ret)
{
	static const char version[] =
		"Microsoft SQL Server 2019 (tdsd) - " SERVER_VERSION
		" (X64) \n\tCopyright (C) none\n\tDeveloper Edition (64-bit) on Linux";
	const struct {
		const char *name, *text;
		uint32_t chars;
	} texts[] = {{"@@version", version, 300}, {"@@servername", SERVER_NAME, 128},
		{"@@servicename", "MSSQLSERVER", 128}, {"@@language", t->s->options.language, 128}};
	int64_t number;
	int size = number_global(t, name, 0, &number);

	if (size) {
		ret->type = engine_int_type((unsigned)size);
		ret->type.nullable = false;
		ret->sql = arena_printf(t->a, number < 0 ? "(%lld)" : "%lld", (long long)number);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (strcasecmp(texts[i].name, name) != 0)
			continue;
		ret->type = engine_text_type(true, texts[i].chars);
		ret->sql = sql_quote(t->a, texts[i].text);
		return 0;
	}
	if (strcasecmp(name, "@@identity") == 0) {
		ret->type = engine_decimal_type(38, 0);
		ret->sql = cell_literal(&t->s->identity, t->a);
		return 0;
	}
	if (strcasecmp(name, "@@dbts") == 0) {
		ret->type = engine_bytes_type(8);
		ret->sql =
			arena_printf(t->a, "x'%016llx'", (unsigned long long)t->s->e->rowversion);
		return 0;
	}
	return tsql_fail(&t->s->error, 137, name);
}
