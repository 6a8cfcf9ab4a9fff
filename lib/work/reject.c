#include "work/reject.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "base/utf8.h"

struct rejects {
	const struct job *job;
	pthread_mutex_t mutex; /* for what is below */
	struct arena arena;
	struct reject *v;
	size_t n, cap;
};

struct rejects *rejects_new(const struct job *job)
{
	struct rejects *r = mem_alloc(sizeof(*r));

	r->job = job;
	pthread_mutex_init(&r->mutex, NULL);
	return r;
}

void rejects_free(struct rejects *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->mutex);
	arena_release(&r->arena);
	free(r);
}

static const char *keep(struct rejects *r, const char *text)
{
	return text ? arena_strndup(&r->arena, text, utf8_cut_at(text, strlen(text), REJECT_TEXT_MAX))
		    : NULL;
}

static void add(struct rejects *r, uint64_t row, const char *column, const char *key,
	const struct err *why)
{
	enum reject_values policy = r->job->reject_values;
	struct err shown = *why;
	struct reject *new;

	r->v = arena_grow(&r->arena, r->v, r->n, &r->cap, sizeof(*r->v));
	new = &r->v[r->n++];
	*new = (struct reject){.row = row, .column = keep(r, column)};
	if (policy != REJECT_VALUES_NONE)
		new->key = keep(r, key);
	if (policy == REJECT_VALUES_ALL && why->value[0])
		new->value = keep(r, why->value);
	err_settle_value(&shown, policy == REJECT_VALUES_ALL);
	new->reason = keep(r, shown.msg);
}

static int too_many(const struct rejects *r, struct err *why)
{
	char rows[64];
	struct err last = *why;

	err_set(why, ERR_DATA, "more than %s cannot be loaded; the last one: %s",
		text_plural((uint64_t)r->job->reject_limit, "row", rows, sizeof(rows)), last.msg);
	err_value(why, last.value, strlen(last.value));
	return err_hint(why, "'etl rejects' shows the others; reject_limit sets how many may be kept");
}

int rejects_add(struct rejects *r, uint64_t row, const char *column, const char *key, struct err *why)
{
	int rc = 0;

	if (!r || r->job->on_reject == ON_REJECT_FAIL || why->code != ERR_DATA)
		return -1;
	pthread_mutex_lock(&r->mutex);
	if (r->n < (uint64_t)r->job->reject_limit)
		add(r, row, column, key, why);
	else
		rc = -1;
	pthread_mutex_unlock(&r->mutex);
	if (rc)
		return too_many(r, why);
	err_clear(why);
	return 0;
}

uint64_t rejects_count(const struct rejects *r)
{
	struct rejects *own = (struct rejects *)r; /* the mutex only */
	uint64_t n;

	pthread_mutex_lock(&own->mutex);
	n = r->n;
	pthread_mutex_unlock(&own->mutex);
	return n;
}

uint64_t rejects_row_of(const struct rejects *r, uint64_t rejected, uint64_t n)
{
	uint64_t row = n, before;

	do {
		before = row;
		row = n;
		for (uint64_t i = 0; i < rejected; i++)
			row += r->v[i].row <= before;
	} while (row != before);
	return row;
}

const struct reject *rejects_get(const struct rejects *r, uint64_t i)
{
	assert(i < r->n);
	return &r->v[i];
}
