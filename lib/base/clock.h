/*
 * clock, randomness, identifiers - what tests replace.
 *
 * Code that decides by time or by chance takes these as arguments; only main
 * passes the real ones. A lease is never decided by this clock but by the
 * database's (docs/design.md §3, rule 2).
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct clock {
	int64_t (*wall)(void *arg);	 /* ms since 1970-01-01 UTC; may jump */
	int64_t (*monotonic)(void *arg); /* ms since some start; never goes back */
	void *arg;
};

struct rnd {
	void (*fill)(void *arg, void *out, size_t len);
	void *arg;
};

extern const struct clock clock_system;
extern const struct rnd rnd_system; /* getrandom(2) */

/* Repeatable randomness for tests: fill with rnd_seeded_fill, arg a uint64_t seed. */
void rnd_seeded_fill(void *arg, void *out, size_t len);

/* "2026-11-23T08:15:42.123Z" (RFC 3339) */
#define CLOCK_TEXT_LEN 24
void clock_text(int64_t wall_ms, char out[CLOCK_TEXT_LEN + 1]);

/* UUID version 7 (RFC 9562 §5.7): ordered by time, so that indexes on it stay compact. */
#define UUID_TEXT_LEN 36
void uuid_make(const struct clock *clock, const struct rnd *rnd, char out[UUID_TEXT_LEN + 1]);

#endif
