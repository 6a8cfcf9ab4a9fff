/*
 * control - commands while the server runs, on a unix socket: a line each, answered by
 * a line, "ok …" or "error …".
 *
 *	fault LINE     add one (fault.h); its id
 *	faults         JSON: how often each happened
 *	clear          no faults; what they hold up goes on
 *	connections    JSON: an object per connection (report.h)
 *	totals         JSON
 *	forget         the entries of connections that have ended
 *	kill SPID|all  ends connections
 *	quit           ends the server
 */
#ifndef TDSD_CONTROL_H
#define TDSD_CONTROL_H

#include "base/err.h"

struct control;
struct server;

/* The socket is made at `path`, a thread serves it. */
MUST_CHECK int control_open(
	struct server *s, const char *path, struct control **ret_control, struct err *err);
/* Ends the thread and removes the socket. NULL is fine. */
void control_close(struct control *c);

#endif
