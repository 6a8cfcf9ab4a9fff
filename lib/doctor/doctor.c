#include "doctor/doctor.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX 1024

const struct doctor_area doctor_areas[] = {
	{"config", doctor_look_config},
	{"kerberos", doctor_look_kerberos},
	{"connection", doctor_look_connections},
	{"job", doctor_look_jobs},
	{"cluster", doctor_look_cluster},
};
const size_t n_doctor_areas = ARRAY_LEN(doctor_areas);

const char *doctor_state_name(enum doctor_state state)
{
	static const char *const names[] = {
#define X(s, name) [DOCTOR_##s] = name,
		DOCTOR_STATES(X)
#undef X
	};

	return names[state];
}

void doctor_look(struct doctor *d)
{
	for (size_t i = 0; i < n_doctor_areas; i++)
		doctor_areas[i].look(d);
}

size_t doctor_count(const struct doctor *d, enum doctor_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->v[i].state == state;
	return n;
}

enum err_code doctor_code(const struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].state == DOCTOR_PROBLEM)
			return d->v[i].code;
	return ERR_NONE;
}

void doctor_add(struct doctor *d, const struct doctor_finding *f)
{
	struct doctor_finding *to;

	d->v = arena_grow(d->arena, d->v, d->n, &d->cap, sizeof(*d->v));
	to = &d->v[d->n++];
	*to = *f;
	to->subject = arena_strdup(d->arena, f->subject);
	to->text = arena_strdup(d->arena, f->text);
	to->remedy = f->remedy && *f->remedy ? arena_strdup(d->arena, f->remedy) : NULL;
	if (to->state == DOCTOR_PROBLEM && to->code == ERR_NONE)
		to->code = ERR_CONFIG;
}

void doctor_say(struct doctor *d, const char *area, const char *subject, const char *check, enum doctor_state state,
	const char *remedy, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	doctor_add(d, &(struct doctor_finding){.area = area,
			      .subject = subject,
			      .check = check,
			      .state = state,
			      .text = text,
			      .remedy = remedy});
}

void doctor_fail(struct doctor *d, const char *area, const char *subject, const char *check, const struct err *err)
{
	struct err shown = *err;

	err_settle_value(&shown, false);
	doctor_add(d, &(struct doctor_finding){.area = area,
			      .subject = subject,
			      .check = check,
			      .state = DOCTOR_PROBLEM,
			      .text = shown.msg,
			      .remedy = shown.hint,
			      .code = shown.code});
}
