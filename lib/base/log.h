/*
 * log - lines on standard error: text for people, JSON lines for collectors.
 *
 * Library code does not log above debug: whoever handles an error logs it,
 * once. One log per process (level, format and what is masked are global);
 * any thread may write. A secret that was registered never appears, whatever
 * message carries it. Control characters in a message are '?' in a text line,
 * escapes in JSON: a message is one line.
 *
 *	text	08:15:42.123 info  read 3,322 rows
 *	JSON	{"at":"2026-11-23T08:15:42.123Z","level":"info","job":"load_planes","run":7,
 *		"message":"read 3,322 rows"}
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"

#define LOG_LINE_MAX 8192   /* a longer message is cut */
#define LOG_SECRETS_MAX 64

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/* `level` is error, warn, info or debug; `format` text, json or auto (NULL: auto, by whether
 * `fd` is a terminal). The clock is borrowed. ERR_USAGE for another word. */
MUST_CHECK int log_start(int fd, const char *level, const char *format, const struct clock *clock,
	struct err *err);

/* A member of every JSON line from now on: the run's job and number. */
void log_context(const char *job, int64_t run_id);

/* Mask this text from now on; texts under four characters are not masked. */
void log_secret(const char *text);

bool log_enabled(enum log_level level);
const char *log_level_name(enum log_level level);
void log_write(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

/* The line at the bottom of a terminal that shows progress; "" takes it away. Does nothing when the
 * log is not text on a terminal: ask log_has_status. */
void log_status(const char *line);
bool log_has_status(void);

#endif
