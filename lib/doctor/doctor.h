/*
 * doctor - tries the whole chain, from the configuration to the login, and says what is wrong with it.
 *
 * Areas are a table (doctor_areas in doctor.c): each looks at its part and adds findings. Nothing is changed,
 * but that a ticket is obtained as a connection would do it. No finding has a secret in it. Blocks as long as the
 * timeouts of what it asks allow.
 */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"

/* A check that another one's failure makes senseless is skipped. */
#define DOCTOR_STATES(X) X(OK, "ok") X(WARNING, "warning") X(PROBLEM, "problem") X(SKIPPED, "skipped")

enum doctor_state {
#define X(state, name) DOCTOR_##state,
	DOCTOR_STATES(X)
#undef X
};

const char *doctor_state_name(enum doctor_state state);

struct doctor_finding {
	const char *area;    /* "kerberos" */
	const char *subject; /* "dc1.example.org:88", "connection dw" */
	const char *check;   /* "clock" */
	enum doctor_state state;
	const char *text, *remedy; /* remedy NULL: none is needed */
	enum err_code code;	   /* of a problem */
};

struct doctor {
	const struct settings *settings;
	struct arena *arena; /* of all that findings say */
	struct doctor_finding *v;
	size_t n, cap;
};

struct doctor_area {
	const char *name;
	void (*look)(struct doctor *d);
};
extern const struct doctor_area doctor_areas[];
extern const size_t n_doctor_areas;

/* All areas by their order. */
void doctor_look(struct doctor *d);

/* How many are in that state, and the code of the first problem (ERR_NONE: there is none). */
size_t doctor_count(const struct doctor *d, enum doctor_state state);
enum err_code doctor_code(const struct doctor *d);

/* For areas. `remedy` NULL where there is none. */
void doctor_add(struct doctor *d, const struct doctor_finding *f);
void doctor_say(struct doctor *d, const char *area, const char *subject, const char *check, enum doctor_state state,
	const char *remedy, const char *fmt, ...) PRINTF(7, 8);
/* A problem, with the error's hint as its remedy. */
void doctor_fail(struct doctor *d, const char *area, const char *subject, const char *check, const struct err *err);

void doctor_look_config(struct doctor *d);
void doctor_look_kerberos(struct doctor *d);
void doctor_look_connections(struct doctor *d);
void doctor_look_jobs(struct doctor *d);
void doctor_look_cluster(struct doctor *d);

#endif
