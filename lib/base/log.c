#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/utf8.h"

#define STATUS_MAX 512
#define SECRET_MIN 4
#define ERASE_LINE "\r\033[K"

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const level_colours[] = {"\033[31m", "\033[33m", "", "\033[2m"};

/* The one log of the process. */
static struct {
	pthread_mutex_t mutex;
	int fd;
	enum log_level level;
	enum log_format format;
	bool terminal;
	const struct clock *clock;
	char job[ERR_HINT_MAX];
	int64_t run_id;
	char *secrets[LOG_SECRETS_MAX];
	int n_secrets;
	char status[STATUS_MAX];
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER,
	.fd = STDERR_FILENO,
	.level = LOG_INFO,
	.clock = &clock_system};

static int find_word(const char *word, const char *const *words, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	return -1;
}

int log_start(int fd, const char *level, const char *format, const struct clock *clock,
	struct err *err)
{
	static const char *const formats[] = {"text", "json", "auto"};
	int l = find_word(level, level_names, ARRAY_LEN(level_names));
	int f = find_word(format ? format : "auto", formats, ARRAY_LEN(formats));

	if (l < 0)
		return err_set(err, ERR_USAGE, "log level '%s' is not error, warn, info or debug",
			level);
	if (f < 0)
		return err_set(err, ERR_USAGE, "log format '%s' is not text, json or auto", format);
	pthread_mutex_lock(&state.mutex);
	state.fd = fd;
	state.level = (enum log_level)l;
	state.terminal = isatty(fd);
	state.format = f == 2 ? (state.terminal ? LOG_TEXT : LOG_JSON) : (enum log_format)f;
	state.clock = clock;
	pthread_mutex_unlock(&state.mutex);
	return 0;
}

void log_context(const char *job, int64_t run_id)
{
	pthread_mutex_lock(&state.mutex);
	snprintf(state.job, sizeof(state.job), "%s", job ? job : "");
	state.run_id = run_id;
	pthread_mutex_unlock(&state.mutex);
}

void log_secret(const char *text)
{
	size_t len = strlen(text);

	if (len < SECRET_MIN)
		return;
	pthread_mutex_lock(&state.mutex);
	if (find_word(text, (const char *const *)state.secrets, state.n_secrets) < 0) {
		int i;

		if (state.n_secrets == LOG_SECRETS_MAX)
			abort(); /* better no process than a leak */
		/* The longest first: one may begin with another. */
		for (i = state.n_secrets++; i > 0 && strlen(state.secrets[i - 1]) < len; i--)
			state.secrets[i] = state.secrets[i - 1];
		state.secrets[i] = mem_strdup(text);
	}
	pthread_mutex_unlock(&state.mutex);
}

bool log_enabled(enum log_level level)
{
	return level <= state.level;
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

static void mask(char *text)
{
	for (int i = 0; i < state.n_secrets; i++) {
		size_t len = strlen(state.secrets[i]);
		char *p = text;

		while ((p = strstr(p, state.secrets[i]))) {
			memcpy(p, "***", 3);
			memmove(p + 3, p + len, strlen(p + len) + 1);
			p += 3;
		}
	}
}

static void emit(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(state.fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody to tell */
		text += n;
		len -= (size_t)n;
	}
}

/* A message may quote raw input: it must not end the line or steer the terminal. */
static void hide_controls(char *text)
{
	for (char *c = text; *c; c++)
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == '\x7f')
			*c = '?';
}

static void print_text(enum log_level level, const char *at, char *msg, struct buf *out)
{
	bool colour = state.terminal && level_colours[level][0];

	hide_controls(msg);
	if (state.status[0])
		buf_adds(out, ERASE_LINE);
	buf_printf(out, "%.12s %s%-5s %s%s\n", at + 11, colour ? level_colours[level] : "",
		level_names[level], msg, colour ? "\033[0m" : "");
	buf_adds(out, state.status);
}

static void print_json(enum log_level level, const char *at, const char *msg, struct buf *out)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *line = json_object(doc);

	json_set_str(doc, line, "at", at);
	json_set_str(doc, line, "level", level_names[level]);
	if (state.job[0]) {
		json_set_str(doc, line, "job", state.job);
		json_set_int(doc, line, "run", state.run_id);
	}
	json_set_str(doc, line, "message", msg);
	json_print(doc, line, false, out);
	buf_addc(out, '\n');
}

static char *format(const char *fmt, va_list args) PRINTF(1, 0);

static char *format(const char *fmt, va_list args)
{
	char *msg;

	if (vasprintf(&msg, fmt, args) < 0)
		return mem_strdup(fmt);
	return msg;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(LOG_LINE_MAX * 8);
	CLEANUP_FREE char *msg = NULL;
	char at[CLOCK_TEXT_LEN + 1];
	va_list args;

	if (!log_enabled(level))
		return;
	va_start(args, fmt);
	msg = format(fmt, args);
	va_end(args);
	pthread_mutex_lock(&state.mutex);
	clock_text(state.clock->wall(state.clock->arg), at);
	mask(msg); /* before it is cut: the rest of a secret is one too */
	msg[utf8_cut_at(msg, strlen(msg), LOG_LINE_MAX - 1)] = '\0';
	if (state.format == LOG_TEXT)
		print_text(level, at, msg, &out);
	else
		print_json(level, at, msg, &out);
	emit(buf_str(&out), out.len);
	pthread_mutex_unlock(&state.mutex);
}

bool log_has_status(void)
{
	return state.terminal && state.format == LOG_TEXT && state.level >= LOG_INFO;
}

/* Bytes of the first `n` characters. */
static size_t characters(const char *s, size_t n)
{
	size_t i = 0;

	for (; s[i]; i++)
		if (((unsigned char)s[i] & 0xC0) != 0x80 && n-- == 0)
			break;
	return i;
}

void log_status(const char *line)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(LOG_LINE_MAX);
	CLEANUP_FREE char *text = NULL;
	struct winsize w = {.ws_col = 0};
	size_t width;

	if (!log_has_status())
		return;
	text = mem_strdup(line);
	pthread_mutex_lock(&state.mutex);
	width = ioctl(state.fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col - 1u : 79;
	if (*line || state.status[0])
		buf_adds(&out, ERASE_LINE);
	mask(text);
	hide_controls(text);
	text[utf8_cut_at(text, characters(text, width), sizeof(state.status) - 1)] = '\0';
	strcpy(state.status, text);
	buf_adds(&out, state.status);
	emit(buf_str(&out), out.len);
	pthread_mutex_unlock(&state.mutex);
}
