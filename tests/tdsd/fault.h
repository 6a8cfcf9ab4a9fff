/*
 * fault - what is to go wrong, when, and how often.
 *
 * A fault is a line: a kind and conditions, `cut phase=result packet=3 match=SELECT`.
 *
 *	cut | reset     [phase= packet= dir=] | bytes= dir=   ends the connection, by FIN or RST
 *	stall           phase= packet= [ms= | us=]            neither: until 'clear', or the client
 *goes malformed       phase= packet= what=token|length|header|type|truncated slow            rate=
 *bytes per second to the client tiny            [segment=1]                           bytes per
 *send() deaf                                                  attentions are not answered downgrade
 *encrypt=none|login                    PRELOGIN, as one in the middle would refuse          number=
 *[state=1] [message=]          the login route           to=HOST,PORT ENVCHANGE of the login
 *	partner         to=HOST
 *	error           number= [severity=16] [state=1] [message=] [rollback=1] [close=1] [row=n]
 *	                [has=]                                instead of running the request; with
 *	                                                      row= of a bulk load's n-th row, with
 *	                                                      has= of rows that have those bytes
 *
 * Conditions of any: app= (a prefix), user=, database=, statement= (number of the
 * request on its connection), match= (text in the request), skip= (that many times it
 * does not happen), times= (1; 0 for always). Values with blanks stand in "".
 * Phases are prelogin, tls, login, request, result, bulk; packet= counts from 1 within
 * its message (1), dir= is the way that the phase has most of.
 */
#ifndef TDSD_FAULT_H
#define TDSD_FAULT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define FAULT_TEXT_MAX 256

enum phase {
	PHASE_ANY,
	PHASE_PRELOGIN,
	PHASE_TLS,
	PHASE_LOGIN,
	PHASE_REQUEST,
	PHASE_RESULT,
	PHASE_BULK
};

enum fault_kind {
	FAULT_CUT,
	FAULT_RESET,
	FAULT_STALL,
	FAULT_MALFORMED,
	FAULT_SLOW,
	FAULT_TINY,
	FAULT_DEAF,
	FAULT_DOWNGRADE,
	FAULT_REFUSE,
	FAULT_ROUTE,
	FAULT_PARTNER,
	FAULT_ERROR,
};

/* Where faults are asked for. */
enum fault_stage { STAGE_CONNECT, STAGE_PRELOGIN, STAGE_LOGIN, STAGE_STATEMENT, STAGE_LOAD, STAGE_PACKET };

enum malformed {
	MALFORMED_TOKEN,
	MALFORMED_LENGTH,
	MALFORMED_HEADER,
	MALFORMED_TYPE,
	MALFORMED_TRUNCATED
};

struct fault {
	struct fault *next;
	int id;
	enum fault_kind kind;
	enum phase phase;
	int dir; /* -1: that of the phase; 0 in, 1 out */
	enum malformed what;
	int64_t bytes; /* -1: not by bytes */
	int64_t packet, statement, skip, times, ms, us, rate, segment, number, severity, state,
		rollback;
	int64_t close, hits, row;
	char app[FAULT_TEXT_MAX], user[FAULT_TEXT_MAX], database[FAULT_TEXT_MAX];
	char match[FAULT_TEXT_MAX], message[FAULT_TEXT_MAX], to[FAULT_TEXT_MAX], has[FAULT_TEXT_MAX];
	char encrypt[FAULT_TEXT_MAX];
};

struct faults {
	pthread_mutex_t mutex;
	struct fault *first;
	int last_id;
	_Atomic unsigned n; /* 0: there is nothing to ask for */
};

struct fault_event {
	enum fault_stage stage;
	bool has_kind; /* faults of this kind alone */
	enum fault_kind kind;
	enum phase phase; /* of a packet */
	bool out;
	uint64_t packet, statement;
	const char *app, *user, *database, *text; /* "" where it is not known */
};

void faults_init(struct faults *f);
void faults_release(struct faults *f);
MUST_CHECK int faults_add(struct faults *f, const char *line, int *ret_id, struct err *err);
void faults_clear(struct faults *f);
/* A JSON array of the kinds, conditions and how often each happened. */
void faults_print(struct faults *f, struct buf *out);

/* The next fault that happens at this event, behind the one with id *after (0 at first). */
bool faults_next(
	struct faults *f, const struct fault_event *e, int *after, struct fault *ret_fault);

#endif
