/*
 * rpc - procedure calls (MS-TDS 2.2.6.6).
 *
 * sp_executesql and the calls around prepared statements are done here; whatever
 * else is called is EXEC for the engine. Cursors are refused as a server does that
 * cannot make one.
 */
#ifndef TDSD_RPC_H
#define TDSD_RPC_H

#include "base/err.h"
#include "tests/tdsd/bytes.h"
#include "tests/tdsd/conn.h"

/* The message's calls, in their order, behind ALL_HEADERS. 1: answered, 0: the client is gone, -1:
 * it is none. */
MUST_CHECK int rpc_run(struct conn *c, struct bytes *b, struct err *err);

#endif
