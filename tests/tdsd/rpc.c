#include "tests/tdsd/rpc.h"

#include <string.h>

#include "tds/row.h"
#include "tests/tdsd/call.h"
#include "tests/tdsd/inject.h"
#include "tests/tdsd/reply.h"
#include "tests/tdsd/special.h"

#define SQL_MAX (1u << 20)

#define NO_STATEMENT   8179
#define NO_CURSOR      16955
#define NO_CURSOR_OPEN 16916
#define BAD_TYPE       8009
#define FEW_PARAMS     214

/* Runs `sql` with the call's parameters from `first` on; where they have no names, they get those
 * of the declaration. */
static void execute(struct reply *r, struct call *call, uint32_t first, const char *sql,
	const char *declaration)
{
	const char **names;
	uint32_t n_names = call_names(declaration, &r->c->scratch, &names);
	uint32_t n = call->n_params > first ? call->n_params - first : 0;

	for (uint32_t i = 0; i < n && i < n_names; i++)
		if (!call->params[first + i].name[0])
			call->params[first + i].name = names[i];
	if (special_run(r, sql))
		return;
	if (session_batch(r->c->session, sql, strlen(sql), n ? call->params + first : NULL, n,
		    &reply_functions, r) < 0)
		r->cancelled = true;
}

static bool has_params(struct reply *r, const struct call *call, uint32_t n)
{
	if (call->n_params >= n)
		return true;
	reply_error(r, FEW_PARAMS, 16, 1,
		"Procedure expects parameter number %u of '%s', which was not supplied.",
		(unsigned)call->n_params + 1, call->name);
	return false;
}

static void give_handle(struct reply *r, const struct engine_param *to, int32_t handle)
{
	static const struct tds_column type = {
		.name = "", .type = TDS_INTN, .size = 4, .nullable = true};
	uint8_t value[5] = {4};

	tds_put32(value + 1, (uint32_t)handle);
	(void)reply_functions.output(r, to->name, &type, value, sizeof(value));
}

/* sp_executesql @stmt, @params, values… */
static void run_executesql(struct reply *r, struct call *call)
{
	struct arena *a = &r->c->scratch;

	if (has_params(r, call, 1))
		execute(r, call, 2, call_text(&call->params[0], a),
			call->n_params > 1 ? call_text(&call->params[1], a) : "");
}

/* sp_prepare @handle OUTPUT, @params, @stmt, @options; sp_prepexec the same with values. */
static void run_prepare(struct reply *r, struct call *call, bool execute_too)
{
	struct arena *a = &r->c->scratch;
	const char *declaration, *sql;
	int32_t handle;

	if (!has_params(r, call, 3))
		return;
	declaration = call_text(&call->params[1], a);
	sql = call_text(&call->params[2], a);
	handle = prepared_add(&r->c->prepared, sql, declaration);
	if (execute_too)
		execute(r, call, 3, sql, declaration);
	give_handle(r, &call->params[0], handle);
}

static void no_statement(struct reply *r, int64_t handle)
{
	reply_error(r, NO_STATEMENT, 16, 2, "Could not find prepared statement with handle %lld.",
		(long long)handle);
}

/* sp_execute @handle, values… */
static void run_execute(struct reply *r, struct call *call)
{
	const struct prepared_statement *s;
	int64_t handle;

	if (!has_params(r, call, 1))
		return;
	handle = call_int(&call->params[0]);
	s = prepared_find(&r->c->prepared, handle);
	if (s)
		execute(r, call, 1, s->sql, s->declaration);
	else
		no_statement(r, handle);
}

static void run_unprepare(struct reply *r, struct call *call)
{
	int64_t handle;

	if (!has_params(r, call, 1))
		return;
	handle = call_int(&call->params[0]);
	if (prepared_find(&r->c->prepared, handle))
		prepared_remove(&r->c->prepared, handle);
	else
		no_statement(r, handle);
}

/* Whatever it is: EXEC name @a = @a, @b = @b OUTPUT. */
static void run_named(struct reply *r, struct call *call)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);

	buf_printf(&sql, "EXEC %s", call->name);
	for (uint32_t i = 0; i < call->n_params; i++) {
		struct engine_param *p = &call->params[i];

		buf_adds(&sql, i ? ", " : " ");
		if (p->name[0])
			buf_printf(&sql, "%s = ", p->name);
		else
			p->name = arena_printf(&r->c->scratch, "@tdsd_%u", (unsigned)i + 1);
		buf_printf(&sql, "%s%s", p->name, p->output ? " OUTPUT" : "");
	}
	execute(r, call, 0, buf_str(&sql), "");
}

static void run_call(struct reply *r, struct call *call)
{
	if (call->bad_param) {
		reply_error(r, BAD_TYPE, 16, 4,
			"The incoming tabular data stream (TDS) remote procedure call (RPC) "
			"protocol stream is incorrect. Parameter %u (\"%s\"): Data type 0x%02X is "
			"unknown.",
			(unsigned)call->bad_param, call->params[call->bad_param - 1].name,
			call->bad_type);
		return;
	}
	if (call->no_exec)
		return;
	r->params = call->params;
	r->n_params = call->n_params;
	switch (call->procedure) {
	case PROC_EXECUTESQL:
		run_executesql(r, call);
		break;
	case PROC_PREPARE:
	case PROC_PREPEXEC:
		run_prepare(r, call, call->procedure == PROC_PREPEXEC);
		break;
	case PROC_EXECUTE:
		run_execute(r, call);
		break;
	case PROC_UNPREPARE:
		run_unprepare(r, call);
		break;
	case PROC_CURSOROPEN:
	case PROC_CURSORPREPARE:
	case PROC_CURSORPREPEXEC:
		reply_error(r, NO_CURSOR, 16, 2, "Could not create an acceptable cursor.");
		break;
	case PROC_CURSOR:
	case PROC_CURSOREXECUTE:
	case PROC_CURSORUNPREPARE:
	case PROC_CURSORFETCH:
	case PROC_CURSOROPTION:
	case PROC_CURSORCLOSE:
		reply_error(r, NO_CURSOR_OPEN, 16, 1, "A cursor with the name '%s' does not exist.",
			call->name);
		break;
	default:
		run_named(r, call);
		break;
	}
}

/* For whoever looks for a text in it: "sp_executesql SELECT …". */
static const char *call_sql(struct conn *c, const struct call *call)
{
	struct arena *a = &c->scratch;
	const struct prepared_statement *s;
	const char *sql = "";

	if (call->bad_param)
		return call->name;
	if (call->procedure == PROC_EXECUTESQL && call->n_params >= 1)
		sql = call_text(&call->params[0], a);
	else if ((call->procedure == PROC_PREPARE || call->procedure == PROC_PREPEXEC) &&
		 call->n_params >= 3)
		sql = call_text(&call->params[2], a);
	else if (call->procedure == PROC_EXECUTE && call->n_params >= 1 &&
		 (s = prepared_find(&c->prepared, call_int(&call->params[0]))))
		sql = s->sql;
	return *sql ? arena_printf(a, "%s %s", call->name, sql) : call->name;
}

int rpc_run(struct conn *c, struct bytes *b, struct err *err)
{
	struct reply r;
	struct call call = {.more = true};

	c->entry->calls++;
	reply_begin(&r, c, true);
	while (call.more && !r.cancelled) {
		if (call_take(b, c->level, &c->scratch, &call, err) < 0)
			return -1;
		if (!inject_statement(&r, "call", call_sql(c, &call)))
			run_call(&r, &call);
		reply_end_procedure(&r);
	}
	return reply_end(&r) ? 1 : 0;
}
