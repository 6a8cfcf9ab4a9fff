#include "work/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* A side is named as slow when the other one waited for more than this part of the time. */
#define SLOW_PERCENT 20

static uint64_t per_second(uint64_t n, int64_t ms)
{
	return ms > 0 ? n * 1000 / (uint64_t)ms : 0;
}

static const char *slow_side(const struct copy_progress *before, const struct copy_progress *now,
	int64_t ms)
{
	int64_t reading = now->wait_read_ms - before->wait_read_ms;
	int64_t writing = now->wait_write_ms - before->wait_write_ms;

	if (reading >= writing && reading * 100 > ms * SLOW_PERCENT)
		return "  waiting to read";
	if (writing > reading && writing * 100 > ms * SLOW_PERCENT)
		return "  waiting to write";
	return "";
}

static void add(char *out, size_t size, const char *text)
{
	size_t len = strlen(out);

	snprintf(out + len, size - len, "%s", text);
}

/* "  45%  12.0 s left": by the bytes of the source, or by its rows, over the whole time. */
static void add_estimate(const struct copy_progress *now, char *out, size_t size)
{
	char text[64], left[32];
	uint64_t total = now->total ? now->total : now->expected;
	uint64_t done = now->total ? now->bytes : now->rows;

	done = done < total ? done : total;
	if (done == 0)
		return;
	snprintf(text, sizeof(text), "  %" PRIu64 "%%",
		(uint64_t)((double)done * 100 / (double)total));
	add(out, size, text);
	if (now->elapsed_ms < 1000 || done == total)
		return;
	text_elapsed((int64_t)((double)now->elapsed_ms * (double)(total - done) / (double)done),
		left, sizeof(left));
	snprintf(text, sizeof(text), "  %s left", left);
	add(out, size, text);
}

static void add_server(const struct copy_progress *now, char *out, size_t size)
{
	if (!now->server)
		return;
	add(out, size, "  the server waits: ");
	add(out, size, now->server);
}

void progress_line(const char *name, const struct copy_progress *before,
	const struct copy_progress *now, char *out, size_t size)
{
	int64_t ms = now->elapsed_ms - before->elapsed_ms;
	char text[64], number[32];

	snprintf(out, size, "%s", name);
	if (now->phase == COPY_PREPARE) {
		add(out, size, "  looking at the source");
		add_estimate(now, out, size);
		add_server(now, out, size);
		return;
	}
	add(out, size, "  ");
	add(out, size, text_plural(now->rows, "row", text, sizeof(text)));
	if (now->phase == COPY_PUBLISH) {
		add(out, size, "  publishing");
		add_server(now, out, size);
		return;
	}
	snprintf(text, sizeof(text), "  %s rows/s",
		text_count(per_second(now->rows - before->rows, ms), number, sizeof(number)));
	add(out, size, text);
	snprintf(text, sizeof(text), "  %s/s",
		text_bytes(per_second(now->bytes - before->bytes, ms), number, sizeof(number)));
	add(out, size, text);
	add(out, size, slow_side(before, now, ms));
	add_estimate(now, out, size);
	add_server(now, out, size);
}
