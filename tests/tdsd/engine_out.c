/* What goes to the caller. */
#include <string.h>

#include "tests/tdsd/engine_private.h"

/* The caller has nobody to give to any more. */
static int given(struct session *s, int rc)
{
	if (rc < 0)
		s->gone = true;
	return rc < 0 ? -1 : 0;
}

bool session_cancelled(struct session *s)
{
	if (!s->gone && s->out && s->out->cancelled && s->out->cancelled(s->out_arg))
		s->gone = true;
	return s->gone;
}

int out_message(struct session *s, const struct tsql_error *e)
{
	struct engine_message m = {.number = e->number,
		.state = e->state,
		.severity = e->severity,
		.text = e->text,
		.procedure = "",
		.line = e->line};

	for (const struct frame *f = s->frame; f && !*m.procedure; f = f->outer)
		if (f->procedure)
			m.procedure = f->procedure;
	return given(s, s->out->message(s->out_arg, &m));
}

int out_info(struct session *s, int32_t number, uint8_t state, const char *text, int line)
{
	struct engine_message m = {.number = number,
		.state = state,
		.severity = 0,
		.text = text,
		.procedure = "",
		.line = line};

	return given(s, s->out->message(s->out_arg, &m));
}

int out_done(struct session *s, uint16_t command, bool has_count, uint64_t count, bool failed)
{
	s->any_done = true;
	return given(s,
		s->out->done(s->out_arg, command, has_count && !s->options.nocount, count, failed));
}

int out_env_text(struct session *s, enum engine_env env, const char *now, const char *was)
{
	return given(s, s->out->env(s->out_arg, env, now, strlen(now), was, strlen(was)));
}
