/* What a session is, and what its login may do. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "selftest/selftest_private.h"

#define LONG_TEXT "REPLICATE(CAST('x' AS varchar(max)), 20000)"
#define LONG_LEN  20000
#define CUT_LEN	  4096

/* The preamble of db/mssql.c, by the server's own account (@@OPTIONS). */
static int options(struct selftest *t, struct err *err)
{
	static const struct {
		int64_t bit;
		const char *name;
	} wanted[] = {{8, "ANSI_WARNINGS"}, {16, "ANSI_PADDING"}, {32, "ANSI_NULLS"}, {64, "ARITHABORT"},
		{256, "QUOTED_IDENTIFIER"}, {4096, "CONCAT_NULL_YIELDS_NULL"}, {16384, "XACT_ABORT"}};
	const char *text;
	int64_t has;

	if (selftest_value(t, t->db, "SELECT @@OPTIONS", &text, err))
		return -1;
	has = text ? atoll(text) : 0;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (!(has & wanted[i].bit))
			return err_set(err, ERR_DATA, "%s is off (@@OPTIONS %" PRId64 ")", wanted[i].name, has);
	return selftest_say(t, "@@OPTIONS %" PRId64, has);
}

static int length(struct selftest *t, size_t *ret_len, struct err *err)
{
	const char *text;

	if (selftest_value(t, t->other, "SELECT " LONG_TEXT, &text, err))
		return -1;
	*ret_len = text ? strlen(text) : 0;
	return 0;
}

/* A server cuts (max) and text at TEXTSIZE without a word. */
static int textsize(struct selftest *t, struct err *err)
{
	size_t whole, cut;

	if (selftest_expect(t, "@@TEXTSIZE", "SELECT @@TEXTSIZE", "2147483647", err) || length(t, &whole, err) ||
		db_exec(t->other, "SET TEXTSIZE 4096", err) || length(t, &cut, err) ||
		db_exec(t->other, "SET TEXTSIZE 2147483647", err))
		return -1;
	if (whole != LONG_LEN)
		return err_set(err, ERR_DATA, "of %d characters %zu arrived", LONG_LEN, whole);
	if (cut != CUT_LEN)
		return err_set(err, ERR_DATA, "with TEXTSIZE %d %zu characters arrived", CUT_LEN, cut);
	return selftest_say(t, "all of %d characters arrive; with TEXTSIZE %d, %zu did", LONG_LEN, CUT_LEN, cut);
}

static int encrypted(struct selftest *t, struct err *err)
{
	const struct mssql_peer *p = db_mssql_peer(t->db);

	(void)err;
	return selftest_say(t, "%s, packets of %u bytes", p->tls_version ? p->tls_version : "not encrypted", p->packet_size);
}

/* Two ways to ask must agree. */
static int grants(struct selftest *t, struct err *err)
{
	static const char *const wanted[] = {"ALTER", "SELECT", "INSERT", "UPDATE", "DELETE"};
	const char *answer;

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		if (selftest_value(t, t->db,
			    arena_printf(t->arena, "SELECT HAS_PERMS_BY_NAME(N'" SELFTEST_SCHEMA "', N'SCHEMA', N'%s')",
				    wanted[i]),
			    &answer, err))
			return -1;
		if (!answer || strcmp(answer, "1") != 0) {
			err_set(err, ERR_AUTH, "the login has no %s on its own schema", wanted[i]);
			return err_hint(err, "GRANT %s, or make the login the schema's owner", wanted[i]);
		}
		if (selftest_value(t, t->db,
			    arena_printf(t->arena,
				    "SELECT COUNT(*) FROM sys.fn_my_permissions(N'" SELFTEST_SCHEMA "', N'SCHEMA') AS p"
				    " WHERE p.permission_name = N'%s'",
				    wanted[i]),
			    &answer, err))
			return selftest_skip(t, "HAS_PERMS_BY_NAME says yes; fn_my_permissions: %s", err->msg);
		if (strcmp(answer, "1") != 0)
			return err_set(err, ERR_DATA, "HAS_PERMS_BY_NAME says %s, fn_my_permissions does not", wanted[i]);
	}
	return 0;
}

/* The program's name is what a DBA finds the session by. */
static int program_name(struct selftest *t, struct err *err)
{
	return selftest_expect(t, "APP_NAME()", "SELECT APP_NAME()", "etl selftest", err);
}

const struct selftest_check selftest_session[] = {
	{"options", options},
	{"textsize", textsize},
	{"encryption", encrypted},
	{"program name", program_name},
	{"grants", grants},
};
const size_t n_selftest_session = ARRAY_LEN(selftest_session);
