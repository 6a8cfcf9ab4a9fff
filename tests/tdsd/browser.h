/*
 * browser - the SQL Server Browser: where an instance listens, on UDP (MC-SQLR).
 */
#ifndef TDSD_BROWSER_H
#define TDSD_BROWSER_H

#include "base/err.h"

struct browser;
struct server;

/* At the address of the server's options; a thread answers for its one instance. */
MUST_CHECK int browser_open(struct server *s, struct browser **ret_browser, struct err *err);
void browser_close(struct browser *b); /* NULL is fine */

#endif
