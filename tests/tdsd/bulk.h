/*
 * bulk - the rows of an INSERT BULK (MS-TDS 2.2.6.1), as they come.
 */
#ifndef TDSD_BULK_H
#define TDSD_BULK_H

#include "base/err.h"
#include "tests/tdsd/conn.h"

/* The first packet of the message is the wire's last. 1: answered, 0: the client is gone, -1: it
 * broke the protocol. */
MUST_CHECK int bulk_run(struct conn *c, struct err *err);

#endif
