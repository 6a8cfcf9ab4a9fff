/*
 * mssql_error - what the numbers of SQL Server's errors mean to us. Pure.
 *
 * One table, with the source of each group. What it does not know is judged by its
 * severity: up to 16 the statement is at fault (ERR_CONFIG), above it the server
 * (ERR_STORE, which another attempt may mend).
 */
#ifndef DB_MSSQL_ERROR_H
#define DB_MSSQL_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* At which step of a connection it failed. */
#define MSSQL_LAYERS(X)      \
	X(NONE, "")          \
	X(NAME, "name")      \
	X(PORT, "port")      \
	X(TLS, "tls")        \
	X(KERBEROS, "kerberos") \
	X(LOGIN, "login")    \
	X(DATABASE, "database")

enum mssql_layer {
#define X(layer, name) MSSQL_LAYER_##layer,
	MSSQL_LAYERS(X)
#undef X
};

const char *mssql_layer_name(enum mssql_layer layer);

/* An error as the server tells it (MS-TDS 2.2.7.10). */
struct mssql_message {
	int32_t number;
	uint8_t state, severity;
	int32_t line;
	const char *text, *server, *procedure; /* UTF-8; procedure is "" outside of one */
};

struct mssql_meaning {
	enum err_code code;
	enum mssql_layer layer;	/* of a login that it fails */
	const char *hint;	/* NULL: none */
	bool fatal;		/* the connection, or its database, is not to be used any more */
};

struct mssql_meaning mssql_error_meaning(int32_t number, uint8_t severity);

/* ERR_… with "text (error 208, severity 16, state 1, line 3, procedure p, server s)"; `server` where
 * the message names none. A value of somebody's data that the text quotes (a duplicate key, what
 * could not be converted or was cut) is kept apart: err_value(). Returns -1. */
int mssql_error_set(const struct mssql_message *m, const char *server, struct err *err);

/* Why a login failed, from error 18456's state; NULL where the server does not say. */
const char *mssql_login_reason(uint8_t state);

#endif
