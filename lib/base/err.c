#include "base/err.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static const struct {
	const char *name;
	bool retryable;
	int exit_code;
	int http_status;
} codes[ERR_CODE_COUNT] = {
	[ERR_NONE] = {"ok", false, 0, 200},
#define X(code, name, retry, exit, http) [ERR_##code] = {name, retry, exit, http},
	ERR_CODES(X)
#undef X
};

static const char *const exits[ERR_EXIT_MAX + 1] = {
#define X(code, meaning) [code] = meaning,
	ERR_EXITS(X)
#undef X
};

int err_vset(struct err *err, enum err_code code, const char *fmt, va_list args)
{
	char msg[ERR_MSG_MAX]; /* an argument may point into err->msg */

	vsnprintf(msg, sizeof(msg), fmt, args);
	err->code = code;
	memcpy(err->msg, msg, sizeof(msg));
	err->hint[0] = '\0';
	err->value[0] = '\0';
	return -1;
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	err_vset(err, code, fmt, args);
	va_end(args);
	return -1;
}

int err_errno(struct err *err, enum err_code code, int errno_value, const char *fmt, ...)
{
	size_t len;
	va_list args;

	va_start(args, fmt);
	err_vset(err, code, fmt, args);
	va_end(args);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", strerror(errno_value));
	return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char head[ERR_MSG_MAX], msg[ERR_MSG_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(head, sizeof(head), fmt, args);
	va_end(args);
	memcpy(msg, err->msg, sizeof(msg));
	if (snprintf(err->msg, sizeof(err->msg), "%s: %s", head, msg) < 0)
		memcpy(err->msg, msg, sizeof(msg));
	return -1;
}

int err_suggest(struct err *err, const char *near)
{
	size_t len = strlen(err->msg);

	if (near)
		snprintf(err->msg + len, sizeof(err->msg) - len, ", did you mean '%s'?", near);
	return -1;
}

int err_hint(struct err *err, const char *fmt, ...)
{
	va_list args;

	if (err->hint[0])
		return -1;
	va_start(args, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, args);
	va_end(args);
	return -1;
}

int err_value(struct err *err, const char *text, size_t len)
{
	static const char more[] = "...";
	size_t max = sizeof(err->value) - sizeof(more), n = utf8_cut_at(text, len, max);

	for (size_t i = 0; i < n; i++)
		err->value[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7F ? '?' : text[i];
	memcpy(err->value + n, n < len ? more : "", n < len ? sizeof(more) : 1);
	return -1;
}

void err_settle_value(struct err *err, bool show)
{
	char msg[ERR_MSG_MAX];
	const char *at = strstr(err->msg, ERR_VALUE);

	if (at) {
		int head = (int)(at - err->msg);
		const char *tail = at + strlen(ERR_VALUE);

		if (show)
			snprintf(msg, sizeof(msg), "%.*s'%s'%s", head, err->msg, err->value, tail);
		else
			snprintf(msg, sizeof(msg), "%.*sthe value%s", head, err->msg, tail);
		memcpy(err->msg, msg, sizeof(msg));
	}
	err->value[0] = '\0';
}

void err_clear(struct err *err)
{
	err->code = ERR_NONE;
	err->msg[0] = '\0';
	err->hint[0] = '\0';
	err->value[0] = '\0';
}

const char *err_name(enum err_code code)
{
	return codes[code].name;
}

bool err_retryable(enum err_code code)
{
	return codes[code].retryable;
}

int err_exit_code(enum err_code code)
{
	return codes[code].exit_code;
}

const char *err_exit_meaning(int exit_code)
{
	return exits[exit_code];
}

int err_http_status(enum err_code code)
{
	return codes[code].http_status;
}
