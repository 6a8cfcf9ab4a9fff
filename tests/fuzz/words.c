/*
 * Any line is split, refused or left to a shell; the words of one that is split,
 * each in single quotes, are split into the same words.
 */
#include "base/words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void quote(const char *word, struct buf *out)
{
	buf_addc(out, '\'');
	for (; *word; word++)
		if (*word == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, *word);
	buf_adds(out, "' ");
}

static void split_again(const struct words *w, struct arena *a)
{
	CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	struct words again;

	for (size_t i = 0; i < w->n; i++)
		quote(w->v[i], &line);
	if (words_split(buf_str(&line), a, &again, &err) || again.shell || again.n != w->n)
		abort();
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->v[i], again.v[i]) != 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct words w;

	if (words_split(arena_strndup(&a, (const char *)data, size), &a, &w, &err)) {
		if (err.code != ERR_CONFIG && err.code != ERR_LIMIT)
			abort();
	} else if (!w.shell) {
		if (w.n == 0 || w.n > WORDS_MAX || w.v[w.n])
			abort();
		split_again(&w, &a);
	}
	return 0;
}
