#include "work/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/utf8.h"

#define CHARACTER_MAX 4 /* bytes of one in UTF-8 */
#define KEPT_MAX      (OUTPUT_TAIL_MAX / OUTPUT_LINE_COST)

struct line {
	enum log_level level;
	char *text;
	size_t cost;
};

struct output {
	void (*say)(void *arg, enum log_level level, const char *line);
	void *arg;
	uint64_t lines;
	struct {
		char text[OUTPUT_LINE_MAX + CHARACTER_MAX + 1];
		size_t len;
	} streams[OUTPUT_STREAMS];
	char last_error[OUTPUT_LINE_MAX + 1];

	size_t stored; /* cost of what was handed on */
	struct line kept[KEPT_MAX];
	size_t first, n_kept, kept_cost;
	bool keeping;
	uint64_t dropped; /* bytes, with the ends of lines */
};

struct output *output_new(void (*say)(void *arg, enum log_level level, const char *line), void *arg)
{
	struct output *o = mem_alloc(sizeof(*o));

	o->say = say;
	o->arg = arg;
	return o;
}

void output_free(struct output *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < KEPT_MAX; i++)
		free(o->kept[i].text);
	free(o);
}

static void drop_first(struct output *o)
{
	struct line *l = &o->kept[o->first];

	o->dropped += l->cost - OUTPUT_LINE_COST + 1;
	o->kept_cost -= l->cost;
	free(mem_steal(l->text));
	o->first = (o->first + 1) % KEPT_MAX;
	o->n_kept--;
}

static void keep(struct output *o, struct line line)
{
	while (o->kept_cost + line.cost > OUTPUT_TAIL_MAX)
		drop_first(o);
	line.text = mem_strdup(line.text);
	o->kept[(o->first + o->n_kept++) % KEPT_MAX] = line;
	o->kept_cost += line.cost;
}

static void take_line(struct output *o, struct line line)
{
	line.cost = strlen(line.text) + OUTPUT_LINE_COST;
	o->lines++;
	if (line.level == LOG_WARN && line.text[strspn(line.text, " \t\r")])
		snprintf(o->last_error, sizeof(o->last_error), "%s", line.text);
	if (o->stored + line.cost > OUTPUT_STORED_MAX)
		o->keeping = true; /* for good: lines stay in their order */
	if (o->keeping) {
		keep(o, line);
		return;
	}
	o->stored += line.cost;
	o->say(o->arg, line.level, line.text);
}

/* The first `len` bytes of the stream's text are a line, or a part of one. */
static void cut_line(struct output *o, enum output_stream stream, size_t len)
{
	char *text = o->streams[stream].text, after = text[len];

	text[len] = '\0';
	take_line(o, (struct line){
			     .level = stream == OUTPUT_STDERR ? LOG_WARN : LOG_INFO, .text = text});
	text[len] = after;
	o->streams[stream].len -= len;
	memmove(text, text + len, o->streams[stream].len);
}

static void split_long(struct output *o, enum output_stream stream)
{
	while (o->streams[stream].len > OUTPUT_LINE_MAX) {
		size_t cut = utf8_cut_at(
			o->streams[stream].text, o->streams[stream].len, OUTPUT_LINE_MAX);

		cut_line(o, stream, cut ? cut : OUTPUT_LINE_MAX);
	}
}

/* Bytes within a line. */
static void add_bytes(struct output *o, enum output_stream stream, const char *data, size_t len)
{
	while (len) {
		size_t room = OUTPUT_LINE_MAX + CHARACTER_MAX - o->streams[stream].len;
		size_t n = len < room ? len : room;
		char *to = o->streams[stream].text + o->streams[stream].len;

		memcpy(to, data, n);
		for (char *nul = to; (nul = memchr(nul, '\0', (size_t)(to + n - nul)));)
			*nul = '?';
		o->streams[stream].len += n;
		data += n;
		len -= n;
		if (len)
			split_long(o, stream);
	}
}

static void end_line(struct output *o, enum output_stream stream)
{
	split_long(o, stream);
	if (o->streams[stream].len && o->streams[stream].text[o->streams[stream].len - 1] == '\r')
		o->streams[stream].len--;
	cut_line(o, stream, o->streams[stream].len);
}

void output_add(struct output *o, enum output_stream stream, const char *data, size_t len)
{
	const char *end = data + len, *newline;

	while (data < end && (newline = memchr(data, '\n', (size_t)(end - data)))) {
		add_bytes(o, stream, data, (size_t)(newline - data));
		end_line(o, stream);
		data = newline + 1;
	}
	add_bytes(o, stream, data, (size_t)(end - data));
}

static void say_dropped(struct output *o)
{
	char count[32], text[128];

	snprintf(text, sizeof(text),
		"%s bytes of output were not kept between the line above and the one below",
		text_count(o->dropped, count, sizeof(count)));
	o->say(o->arg, LOG_WARN, text);
}

void output_end(struct output *o)
{
	for (int stream = 0; stream < OUTPUT_STREAMS; stream++)
		if (o->streams[stream].len)
			end_line(o, (enum output_stream)stream);
	if (o->dropped)
		say_dropped(o);
	for (; o->n_kept; o->n_kept--, o->first = (o->first + 1) % KEPT_MAX) {
		struct line *l = &o->kept[o->first];

		o->say(o->arg, l->level, l->text);
		free(mem_steal(l->text));
	}
}

uint64_t output_lines(const struct output *o)
{
	return o->lines;
}

const char *output_last_error(const struct output *o)
{
	return o->last_error;
}
