/*
 * bell - wakes the controllers of a store on this host, and asks whether they live.
 *
 * A datagram socket in Linux's abstract namespace (unix(7)), so that nothing is
 * left behind and it works in an image that holds only the binary. Its name is
 * made of the store's name and a slot, since several controllers may share a
 * store; whoever orders a run rings at every slot. A ring is a hint: the poll is
 * the guarantee (docs/design.md §4). Nothing that arrives is trusted: it makes the
 * controller look at its store, or say how it is.
 */
#ifndef CTL_BELL_H
#define CTL_BELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define BELL_SLOTS 32	     /* controllers of one store on one host */
#define BELL_ANSWER_MAX 4096 /* bytes of an answer */

struct bell;

/* `store` names the store: a canonical path, or server and database. ERR_LIMIT when all slots are
 * taken, ERR_IO when there are no such sockets here: a controller works without a bell too. */
MUST_CHECK int bell_open(const char *store, struct bell **ret_bell, struct err *err);
void bell_close(struct bell *b); /* NULL is fine */

/* Readable when bell_heard has something to do. */
int bell_fd(const struct bell *b);

/* Takes what has come, without blocking, and a limited number of it: what is left keeps the
 * descriptor readable. Pings are answered with `answer` (JSON, at most BELL_ANSWER_MAX bytes).
 * Returns whether anybody rang, or may have while too much came. */
bool bell_heard(struct bell *b, const char *answer);

/* Wakes every controller; returns how many were reached. Never blocks, never fails. */
int bell_ring(const char *store);

/* Asks every controller; appends each answer as a line (control characters become spaces; it is
 * outside text all the same). Returns how many answered within the time, and in *ret_silent how
 * many have a bell that they do not answer. Ends as soon as there is nobody left to wait for. */
int bell_ping(const char *store, int timeout_ms, struct buf *ret_answers, int *ret_silent);

#endif
