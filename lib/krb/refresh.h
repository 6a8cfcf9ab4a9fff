/*
 * refresh - when a ticket is to be had anew. Pure: seconds since 1970, and chance as a number below 1000.
 */
#ifndef KRB_REFRESH_H
#define KRB_REFRESH_H

#include <stdbool.h>
#include <stdint.h>

/* Half-way, or up to a tenth of its life later: many who got theirs together do not come together again. */
int64_t refresh_at(int64_t start, int64_t end, unsigned chance);

/* ms until the next attempt after so many that failed: 1 s, doubled, up to 60 s; 25 % less by chance. */
int64_t refresh_backoff_ms(unsigned failures, unsigned chance);

/* What is left of a ticket is enough to go on with: a login takes seconds. */
bool refresh_serves(int64_t end, int64_t now);

#endif
