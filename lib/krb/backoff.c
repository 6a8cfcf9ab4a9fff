#include "krb/backoff.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static const struct backoff_kdc *find(const struct backoff *b, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(b->kdcs); i++)
		if (*name && strcmp(b->kdcs[i].name, name) == 0)
			return &b->kdcs[i];
	return NULL;
}

static struct backoff_kdc *find_or_take(struct backoff *b, const char *name)
{
	const struct backoff_kdc *known = find(b, name);
	struct backoff_kdc *k = known ? &b->kdcs[known - b->kdcs] : &b->kdcs[0];

	for (size_t i = 0; !known && i < ARRAY_LEN(b->kdcs) && *k->name; i++)
		if (!*b->kdcs[i].name || b->kdcs[i].until_s < k->until_s)
			k = &b->kdcs[i];
	if (!known) {
		*k = (struct backoff_kdc){.pause_s = 0};
		snprintf(k->name, sizeof(k->name), "%s", name);
	}
	return k;
}

void backoff_failed(struct backoff *b, const char *name, int64_t now_s)
{
	struct backoff_kdc *k = find_or_take(b, name);

	if (k->pause_s && now_s < k->until_s)
		return;
	k->pause_s = k->pause_s ? k->pause_s * 2 : BACKOFF_FIRST_S;
	if (k->pause_s > BACKOFF_MAX_S)
		k->pause_s = BACKOFF_MAX_S;
	k->until_s = now_s + k->pause_s;
}

void backoff_answered(struct backoff *b, const char *name)
{
	const struct backoff_kdc *k = find(b, name);

	if (k)
		b->kdcs[k - b->kdcs] = (struct backoff_kdc){.pause_s = 0};
}

void backoff_order(const struct backoff *b, const char (*names)[BACKOFF_NAME_MAX + 1], size_t n, int64_t now_s,
	size_t *order)
{
	size_t out = 0;

	for (int paused = 0; paused <= 1; paused++)
		for (size_t i = 0; i < n; i++) {
			const struct backoff_kdc *k = find(b, names[i]);

			if ((k && now_s < k->until_s) == (paused == 1))
				order[out++] = i;
		}
}
