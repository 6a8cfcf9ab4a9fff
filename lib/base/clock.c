#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/mem.h"

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t system_wall(void *arg UNUSED)
{
	return read_clock(CLOCK_REALTIME);
}

static int64_t system_monotonic(void *arg UNUSED)
{
	return read_clock(CLOCK_MONOTONIC);
}

static void system_fill(void *arg UNUSED, void *out, size_t len)
{
	uint8_t *p = out;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno != EINTR)
			abort(); /* a kernel without getrandom: nothing sane can follow */
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}

const struct clock clock_system = {.wall = system_wall, .monotonic = system_monotonic};
const struct rnd rnd_system = {.fill = system_fill};

/* splitmix64 (Steele, Lea, Flood 2014) */
void rnd_seeded_fill(void *arg, void *out, size_t len)
{
	uint64_t *seed = arg;
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++) {
		uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		p[i] = (uint8_t)(z >> 56);
	}
}

void clock_text(int64_t wall_ms, char out[CLOCK_TEXT_LEN + 1])
{
	time_t s = wall_ms / 1000;
	int ms = (int)(wall_ms % 1000);
	char text[64]; /* as long as the compiler believes a year can get */
	struct tm tm;

	if (ms < 0) {
		ms += 1000;
		s--;
	}
	gmtime_r(&s, &tm);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
	snprintf(out, CLOCK_TEXT_LEN + 1, "%.*s", CLOCK_TEXT_LEN, text);
}

void uuid_make(const struct clock *clock, const struct rnd *rnd, char out[UUID_TEXT_LEN + 1])
{
	uint64_t ms = (uint64_t)clock->wall(clock->arg);
	uint8_t u[16];

	rnd->fill(rnd->arg, u, sizeof(u));
	for (int i = 0; i < 6; i++)
		u[i] = (uint8_t)(ms >> (40 - 8 * i));
	u[6] = (uint8_t)(0x70 | (u[6] & 0x0f)); /* version 7 */
	u[8] = (uint8_t)(0x80 | (u[8] & 0x3f)); /* variant 10 */
	snprintf(out, UUID_TEXT_LEN + 1,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
		u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
		u[15]);
}
