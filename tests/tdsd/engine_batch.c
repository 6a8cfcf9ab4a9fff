/* A session's entries: batches with parameters, transaction manager requests. */
#include <stdlib.h>
#include <string.h>

#include "tests/tdsd/engine_private.h"

static int add_params(
	struct session *s, struct frame *f, const struct engine_param *params, size_t n)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < n; i++) {
		struct variable *v = frame_add(f, params[i].name);
		const uint8_t *p = params[i].value;

		v->type = params[i].type;
		v->type.nullable = true;
		v->type.type = tds_type_base(v->type.type);
		if (params[i].type.type != v->type.type)
			tds_type_complete(&v->type);
		if (cell_decode(&params[i].type, &p, p + params[i].len, &f->arena, &v->value, &err))
			return tsql_fail(
				&s->error, 8016, tsql_number((int64_t)i + 1), params[i].name);
	}
	return 0;
}

/* Output parameters, as the variables are in the end. */
static int give_outputs(
	struct session *s, struct frame *f, const struct engine_param *params, size_t n)
{
	for (size_t i = 0; i < n && !s->gone; i++) {
		CLEANUP(buf_release) struct buf value = BUF_INIT(512u * 1024 * 1024);
		struct variable *v = frame_find(f, params[i].name);

		if (!params[i].output || !v)
			continue;
		if (cell_encode(&v->type, &v->value, &value, &s->error))
			return -1;
		if (s->out->output(s->out_arg, params[i].name, &v->type,
			    (const uint8_t *)value.data, value.len) < 0)
			s->gone = true;
	}
	return 0;
}

static void start(struct session *s, const struct engine_out *out, void *arg)
{
	s->out = out;
	s->out_arg = arg;
	s->gone = s->aborted = s->any_done = s->raised = s->reported = false;
	s->tries = 0;
	s->error.number = 0;
	s->error.line = 0;
	s->frame = NULL;
}

/* -1 when there is nobody left to tell: what ran is undone as by an attention. */
static int finish(struct session *s)
{
	int rc = s->gone ? -1 : 0;

	if (s->gone && s->trancount && s->options.xact_abort)
		tran_abort(s);
	if (!s->trancount && s->begun && !s->bulk) {
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
		s->begun = false;
		lock_release_all(s);
	}
	if (rc == 0 && !s->any_done)
		rc = out_done(s, 0, false, 0, false);
	s->out = NULL;
	return rc;
}

/* A transaction that cannot be committed does not outlive its batch. */
static int end_doomed(struct session *s)
{
	if (s->tran != TRAN_DOOMED)
		return 0;
	(void)tsql_fail(&s->error, 3998);
	s->error.line = 1;
	if (out_message(s, &s->error))
		return -1;
	tran_abort(s);
	return out_done(s, 0, false, 0, true);
}

int session_batch(struct session *s, const char *sql, size_t len, const struct engine_param *params,
	size_t n_params, const struct engine_out *out, void *arg)
{
	struct frame f = {0};
	int rc;

	bulk_free(s);
	start(s, out, arg);
	rc = add_params(s, &f, params, n_params);
	if (rc == 0)
		rc = exec_text(s, sql, len, &f);
	if (rc && !s->gone && s->error.number && !s->reported) {
		rc = out_message(s, &s->error);
		if (rc == 0)
			rc = out_done(s, 0, false, 0, true);
	}
	if (!s->gone && rc == 0)
		rc = give_outputs(s, &f, params, n_params);
	if (!s->gone && rc == 0)
		rc = end_doomed(s);
	frame_release(s, &f);
	return finish(s);
}

int session_transaction(struct session *s, enum session_transaction what, int isolation,
	const char *name, const struct engine_out *out, void *arg)
{
	/* MS-TDS 2.2.6.9: 1 read uncommitted, 2 committed, 3 repeatable, 4 serializable, 5 snapshot
	 */
	static const uint16_t commands[] = {0xD4, 0xD5, 0xD2, 0xD6};
	int rc = -1;

	start(s, out, arg);
	if (isolation >= 1 && isolation <= 5)
		s->options.isolation = isolation;
	if (name && !*name)
		name = NULL;
	switch (what) {
	case SESSION_BEGIN:
		rc = tran_begin(s, name);
		break;
	case SESSION_COMMIT:
		rc = tran_commit(s);
		break;
	case SESSION_ROLLBACK:
		rc = tran_rollback(s, name);
		break;
	case SESSION_SAVE:
		rc = tran_save(s, name ? name : "");
		break;
	}
	if (rc && !s->gone)
		rc = out_message(s, &s->error) || out_done(s, 0, false, 0, true);
	else if (rc == 0)
		rc = out_done(s, commands[what], false, 0, false);
	return finish(s);
}
