/*
 * mssql_address - where a SQL Server is, as people write it. Pure.
 *
 *	sql01.example.org		port 1433
 *	sql01.example.org,14330		that port
 *	sql01.example.org\DWH		the port is asked of the SQL Server Browser (MC-SQLR)
 *	sql01.example.org\DWH,14330	that port; the instance's name is sent along
 *	::1,1433  [::1],1433  tcp:host,1433  .  (local)
 *
 * These are the forms of SqlClient's "Data Source" but for pipes and shared memory.
 */
#ifndef DB_MSSQL_ADDRESS_H
#define DB_MSSQL_ADDRESS_H

#include <stdint.h>

#include "base/err.h"
#include "db/mssql_socket.h"

#define MSSQL_PORT         1433
#define MSSQL_INSTANCE_MAX 16  /* SQL Server: "instance names are limited to 16 characters" */

struct mssql_address {
	char host[MSSQL_HOST_MAX + 1];
	char instance[MSSQL_INSTANCE_MAX + 1]; /* "": the default one */
	uint16_t port;                         /* 0: to be asked for */
};

/* ERR_CONFIG says what is wrong in `text`. */
MUST_CHECK int mssql_address_parse(
	const char *text, struct mssql_address *ret_address, struct err *err);

#endif
