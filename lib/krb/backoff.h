/*
 * backoff - which KDCs did not answer, and in what order to ask them therefore. Pure.
 *
 * One that did not answer is asked after the others for a while, which grows each time that it is asked anew in
 * vain; an answer ends that. A name stands for one address over one protocol ("tcp/dc1.example.org:88"), so that
 * a firewall without UDP is learnt too. Times are seconds of a clock that never goes back.
 */
#ifndef KRB_BACKOFF_H
#define KRB_BACKOFF_H

#include <stddef.h>
#include <stdint.h>

#define BACKOFF_FIRST_S	  10
#define BACKOFF_MAX_S	  300
#define BACKOFF_NAME_MAX  264 /* characters: "tcp/", a host's 253, a port's 5, and what is between */
#define BACKOFF_NAMES_MAX 64

struct backoff {
	struct backoff_kdc {
		char name[BACKOFF_NAME_MAX + 1]; /* "": a free place */
		int64_t until_s, pause_s;
	} kdcs[BACKOFF_NAMES_MAX];
};

/* Once for each pause: what fails at the same time in other threads, or as the last resort, counts no more. Where
 * no place is free, the one goes whose pause ends first. */
void backoff_failed(struct backoff *b, const char *name, int64_t now_s);
void backoff_answered(struct backoff *b, const char *name);

/* Fills order[n] with the places of names[n]: those that are not in a pause, then the rest, each by their order. */
void backoff_order(const struct backoff *b, const char (*names)[BACKOFF_NAME_MAX + 1], size_t n, int64_t now_s,
	size_t *order);

#endif
