/* engine_cast - what casts share; for engine_cast*.c only. */
#ifndef TDSD_ENGINE_CAST_H
#define TDSD_ENGINE_CAST_H

#include "tests/tdsd/engine_value.h"

struct cast {
	const struct tds_column *from, *to;
	int style;
	enum cast_mode mode;
	struct arena *a;
	struct tsql_error *e;
};

const char *cast_from_name(const struct cast *x);
const char *cast_to_name(const struct cast *x);
int cast_not_allowed(const struct cast *x);
void cast_trim(const char **s, size_t *len); /* blanks around */

int cast_to_text(const struct cast *x, const struct cell *c, struct cell *ret);
int cast_to_bytes(const struct cast *x, const struct cell *c, struct cell *ret);
int cast_to_guid(const struct cast *x, const struct cell *c, struct cell *ret);
int cast_check_xml(struct tsql_error *e, const char *text, size_t len);

#endif
