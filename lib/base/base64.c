#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_print(struct buf *out, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0u);

		buf_addc(out, digits[v >> 18]);
		buf_addc(out, digits[v >> 12 & 63]);
		buf_addc(out, left > 1 ? digits[v >> 6 & 63] : '=');
		buf_addc(out, left > 2 ? digits[v & 63] : '=');
	}
}

int base64_parse(struct buf *out, const char *text)
{
	uint32_t v = 0;
	size_t n = 0, pad = 0;

	for (; *text; text++) {
		const char *at = strchr(digits, *text);

		if (strchr(" \t\r\n", *text))
			continue;
		if (*text == '=') {
			pad++;
			continue;
		}
		if (!at || pad)
			return -1;
		v = v << 6 | (uint32_t)(at - digits);
		if (++n % 4 == 0) {
			buf_addc(out, (char)(v >> 16));
			buf_addc(out, (char)(v >> 8));
			buf_addc(out, (char)v);
		}
	}
	if (n % 4 == 1 || pad != (4 - n % 4) % 4)
		return -1;
	if (n % 4 == 2) {
		buf_addc(out, (char)(v >> 4));
	} else if (n % 4 == 3) {
		buf_addc(out, (char)(v >> 10));
		buf_addc(out, (char)(v >> 2));
	}
	return 0;
}
