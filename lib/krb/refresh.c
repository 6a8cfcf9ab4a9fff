#include "krb/refresh.h"

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
#define CHANCES        1000

int64_t refresh_at(int64_t start, int64_t end, unsigned chance)
{
	int64_t life = end > start ? end - start : 0;

	return start + life / 2 + life * (int64_t)(chance % CHANCES) / (10 * CHANCES);
}

int64_t refresh_backoff_ms(unsigned failures, unsigned chance)
{
	int64_t ms = failures > 6 ? BACKOFF_MAX_MS : (int64_t)BACKOFF_MIN_MS << (failures ? failures - 1 : 0);

	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	return ms - ms * (int64_t)(chance % CHANCES) / (4 * CHANCES);
}

bool refresh_serves(int64_t end, int64_t now)
{
	return end > now + 1;
}
