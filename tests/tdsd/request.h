/*
 * request - what a client asks for once it is logged in: a message, and its answer.
 */
#ifndef TDSD_REQUEST_H
#define TDSD_REQUEST_H

#include "base/err.h"
#include "tests/tdsd/conn.h"

/* 1: answered; 0: the client has left; -1: it broke the protocol. */
MUST_CHECK int request_run(struct conn *c, struct err *err);

#endif
