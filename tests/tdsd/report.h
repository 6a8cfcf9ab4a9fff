/*
 * report - what clients said and did, for tests to assert on.
 *
 * An entry per connection, kept when it has ended. The statements themselves go to a
 * file when there is one, a JSON object a line.
 */
#ifndef TDSD_REPORT_H
#define TDSD_REPORT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

struct conn;

struct report_entry {
	struct report_entry *next;
	int spid;
	/* under the report's mutex */
	bool open;
	const char *outcome; /* constants: prelogin, login, refused, in, failed */
	int32_t refused;     /* the error's number */
	char *error;         /* why the connection failed */
	char *login;         /* what LOGIN7 said, JSON */

	_Atomic uint64_t batches, calls, loads, transactions, attentions, resets, ignored;
};

struct report {
	pthread_mutex_t mutex;
	struct report_entry *first, *last;
	unsigned n;
	FILE *statements;
};

MUST_CHECK int report_open(struct report *r, const char *statements, struct err *err);
void report_close(struct report *r);

/* Never NULL. */
struct report_entry *report_enter(struct report *r, int spid);
void report_outcome(struct report *r, struct report_entry *e, const char *outcome, int32_t refused);
void report_login(struct report *r, const struct conn *c);
void report_leave(struct report *r, struct report_entry *e, const char *error);
void report_statement(struct report *r, const struct conn *c, const char *kind, const char *text);

/* JSON: an array of the entries, and the totals. */
void report_print(struct report *r, struct buf *out);
void report_totals(struct report *r, struct buf *out);
/* Forgets the entries of connections that have ended. */
void report_forget(struct report *r);

#endif
