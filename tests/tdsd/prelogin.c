#include "tests/tdsd/prelogin.h"

#include <string.h>

#define OPTIONS_MAX 16
#define OPTION_SIZE 5 /* token, offset, length */

enum option {
	OPTION_VERSION = 0,
	OPTION_ENCRYPTION = 1,
	OPTION_INSTOPT = 2,
	OPTION_THREADID = 3,
	OPTION_MARS = 4,
	OPTION_FEDAUTHREQUIRED = 6,
	OPTION_END = 0xFF,
};

static void take_option(struct prelogin *p, uint8_t option, const uint8_t *data, size_t len)
{
	switch (option) {
	case OPTION_VERSION:
		if (len >= 4)
			p->version = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 |
				     (uint32_t)data[2] << 8 | data[3];
		break;
	case OPTION_ENCRYPTION:
		if (len >= 1)
			p->encrypt = data[0] & 0x0F; /* without the bit for client certificates */
		break;
	case OPTION_INSTOPT:
		if (len >= sizeof(p->instance))
			len = sizeof(p->instance) - 1;
		memcpy(p->instance, data, len);
		break;
	case OPTION_MARS:
		p->mars = len >= 1 && data[0];
		break;
	case OPTION_FEDAUTHREQUIRED:
		p->fed_auth = true;
		break;
	default:
		break;
	}
}

int prelogin_parse(const uint8_t *data, size_t len, struct prelogin *ret_prelogin, struct err *err)
{
	struct prelogin p = {.encrypt = ENCRYPT_NOT_SUP};

	for (size_t at = 0;; at += OPTION_SIZE) {
		size_t offset, size;

		if (at >= len || at / OPTION_SIZE > OPTIONS_MAX)
			return err_set(err, ERR_DATA, "PRELOGIN without an end of its options");
		if (data[at] == OPTION_END)
			break;
		if (len - at < OPTION_SIZE)
			return err_set(err, ERR_DATA, "PRELOGIN ends within an option");
		offset = (size_t)(data[at + 1] << 8 | data[at + 2]);
		size = (size_t)(data[at + 3] << 8 | data[at + 4]);
		if (offset > len || size > len - offset)
			return err_set(
				err, ERR_DATA, "PRELOGIN option %u lies outside of it", data[at]);
		take_option(&p, data[at], data + offset, size);
	}
	*ret_prelogin = p;
	return 0;
}

enum encrypt prelogin_encrypt(enum encrypt_policy policy, uint8_t asked)
{
	bool asks = asked == ENCRYPT_ON || asked == ENCRYPT_REQ;

	switch (policy) {
	case ENCRYPT_POLICY_NONE:
		return ENCRYPT_NOT_SUP;
	case ENCRYPT_POLICY_LOGIN:
		return asks ? ENCRYPT_ON : asked == ENCRYPT_OFF ? ENCRYPT_OFF : ENCRYPT_NOT_SUP;
	case ENCRYPT_POLICY_ON:
		return asked == ENCRYPT_NOT_SUP ? ENCRYPT_REQ : ENCRYPT_ON;
	case ENCRYPT_POLICY_REQUIRED:
		return asks ? ENCRYPT_ON : ENCRYPT_REQ;
	case ENCRYPT_POLICY_STRICT:
		break;
	}
	return ENCRYPT_ON; /* it means nothing there */
}

enum encrypt_scope prelogin_scope(uint8_t asked, enum encrypt answered)
{
	bool asks = asked == ENCRYPT_ON || asked == ENCRYPT_REQ;

	if (answered == ENCRYPT_NOT_SUP)
		return asks ? SCOPE_REFUSED : SCOPE_NONE;
	if (asked == ENCRYPT_NOT_SUP)
		return SCOPE_REFUSED;
	return answered == ENCRYPT_OFF ? SCOPE_LOGIN : SCOPE_ALL;
}

void prelogin_answer(const struct prelogin_answer *a, struct buf *out)
{
	const uint8_t version[] = {(uint8_t)(a->version >> 24), (uint8_t)(a->version >> 16),
		(uint8_t)(a->version >> 8), (uint8_t)a->version, 0, 0};
	const uint8_t encrypt[] = {(uint8_t)a->encrypt};
	const uint8_t instance[] = {!a->instance_matches}, no[] = {0};
	const struct {
		uint8_t option;
		const uint8_t *data;
		size_t len;
	} options[] = {
		{OPTION_VERSION, version, sizeof(version)},
		{OPTION_ENCRYPTION, encrypt, sizeof(encrypt)},
		{OPTION_INSTOPT, instance, sizeof(instance)},
		{OPTION_THREADID, no, 0},
		{OPTION_MARS, no, sizeof(no)},
		{OPTION_FEDAUTHREQUIRED, no, sizeof(no)},
	};
	size_t n = a->fed_auth_asked ? ARRAY_LEN(options) : ARRAY_LEN(options) - 1;
	size_t at = n * OPTION_SIZE + 1;

	for (size_t i = 0; i < n; i++) {
		buf_addc(out, (char)options[i].option);
		buf_addc(out, (char)(at >> 8));
		buf_addc(out, (char)at);
		buf_addc(out, 0);
		buf_addc(out, (char)options[i].len);
		at += options[i].len;
	}
	buf_addc(out, (char)OPTION_END);
	for (size_t i = 0; i < n; i++)
		buf_add(out, options[i].data, options[i].len);
}
