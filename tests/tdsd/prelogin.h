/*
 * prelogin - the first message of both sides (MS-TDS 2.2.6.5), and what encryption
 * they come to. Pure.
 */
#ifndef TDSD_PRELOGIN_H
#define TDSD_PRELOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* What the server is set to. */
enum encrypt_policy {
	ENCRYPT_POLICY_NONE,     /* it has no TLS */
	ENCRYPT_POLICY_LOGIN,    /* only where the client asks: otherwise the login alone */
	ENCRYPT_POLICY_ON,       /* everything, and says 'on' to whoever asked for less */
	ENCRYPT_POLICY_REQUIRED, /* everything, and says 'required' */
	ENCRYPT_POLICY_STRICT,   /* TLS is there before this message (TDS 8.0) */
};

/* The byte of the option. */
enum encrypt { ENCRYPT_OFF = 0, ENCRYPT_ON = 1, ENCRYPT_NOT_SUP = 2, ENCRYPT_REQ = 3 };

struct prelogin {
	uint32_t version; /* of the client's library */
	uint8_t encrypt;  /* enum encrypt, what it asks */
	char instance[256];
	bool mars, fed_auth;
};

MUST_CHECK int prelogin_parse(
	const uint8_t *data, size_t len, struct prelogin *ret_prelogin, struct err *err);

/* What the server says to it, MS-TDS 2.2.6.5. */
enum encrypt prelogin_encrypt(enum encrypt_policy policy, uint8_t asked);

/* Which part of the conversation is encrypted after both. */
enum encrypt_scope { SCOPE_NONE, SCOPE_LOGIN, SCOPE_ALL, SCOPE_REFUSED };
enum encrypt_scope prelogin_scope(uint8_t asked, enum encrypt answered);

struct prelogin_answer {
	uint32_t version; /* 15.0.2000: 0x0F0007D0 */
	enum encrypt encrypt;
	bool instance_matches, fed_auth_asked;
};

void prelogin_answer(const struct prelogin_answer *a, struct buf *out);

#endif
