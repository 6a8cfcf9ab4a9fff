/*
 * login - the conversation until the client is logged in (MS-TDS 3.3.5.1 to 3.3.5.7).
 */
#ifndef TDSD_LOGIN_H
#define TDSD_LOGIN_H

#include "base/err.h"
#include "tests/tdsd/conn.h"

/* 1: logged in, the session is open; 0: it was refused, and told so; -1: the client broke the
 * protocol or is gone. */
MUST_CHECK int login_run(struct conn *c, struct err *err);

#endif
