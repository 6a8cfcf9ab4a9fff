/*
 * mssql_login - from a connection's options to a socket that is logged in, or the reason why not.
 *
 * A message begins with the layer that failed: "port: connect to sql01,1433: …".
 */
#ifndef DB_MSSQL_LOGIN_H
#define DB_MSSQL_LOGIN_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"
#include "db/mssql_address.h"
#include "db/mssql_error.h"
#include "db/mssql_socket.h"

#define MSSQL_APPLICATION_MAX 128 /* characters; MS-TDS 2.2.6.4 */
#define MSSQL_PASSWORD_MAX 512 /* bytes; MS-TDS 2.2.6.4: 128 characters */

struct mssql_login { /* all borrowed, as long as the connection lives */
	const struct mssql_options *options;
	const char *application;   /* what a DBA sees as the session's program; up to 128 characters */
	const atomic_bool *cancel; /* NULL: nobody cancels */
	enum err_code late; /* what an answer is that does not come in time; ERR_NONE: ERR_TIMED_OUT */
	/* What the server says beside errors (severity up to 10), but that the database and the language
	 * are what they are; and warnings of ours (number 0). NULL: nobody listens. */
	void (*message)(void *arg, const struct mssql_message *m);
	void *arg;
};

/* The first error that a server has told; its texts live in the arena of mssql_hear. */
struct mssql_heard {
	bool failed;
	struct mssql_message error;
};

/* A message: an error is kept, others are for who listens. */
void mssql_hear(struct mssql_heard *h, const struct mssql_login *login, const struct mssql_message *m,
	struct arena *a);

/* *ret_layer is the one that failed. ERR_NETWORK (name, port, tls), ERR_AUTH (login, database),
 * ERR_CONFIG, ERR_CANCELLED. The socket asks nobody while it waits: mssql_socket_listen. */
MUST_CHECK int mssql_login(const struct mssql_login *login, struct mssql_socket **ret_socket,
	enum mssql_layer *ret_layer, struct err *err);

#endif
