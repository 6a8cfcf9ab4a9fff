/*
 * observer - what a session of a SQL Server waits for, asked from another one.
 *
 * A thread with a connection of its own to the same server, by the same login. It asks no more often than
 * every OBSERVER_EVERY_MS, and only while somebody looks; where the login may not see it (VIEW SERVER
 * STATE), or the server has no such view, it has nothing to say. Nothing of it is ever an error.
 */
#ifndef WORK_OBSERVER_H
#define WORK_OBSERVER_H

#include <stdint.h>

#include "base/settings.h"

#define OBSERVER_EVERY_MS 5000
#define OBSERVER_TEXT_MAX 160

struct observer;

/* NULL where the connection is to no such server, or there are no threads. `conn` is borrowed. */
struct observer *observer_new(const struct connection *conn);
void observer_free(struct observer *o); /* NULL is fine; waits for a moment */

/* Somebody wants to know what session `id` waits for; what it was when it was asked last: "LCK_M_X, blocked
 * by session 57 (login 'anna', program 'SSMS')", or "". Does not block. */
void observer_look(struct observer *o, int64_t id, char out[OBSERVER_TEXT_MAX]);

#endif
