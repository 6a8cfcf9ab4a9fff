/* engine_call - what translations of functions share; for engine_call*.c only. */
#ifndef TDSD_ENGINE_CALL_H
#define TDSD_ENGINE_CALL_H

#include "tests/tdsd/engine_translate.h"

/* The codes are those of the table in engine_call.c. */
struct tds_column call_result_type(char code, const struct term *args, size_t n);
int call_cast_arg(struct translator *t, struct term *v, char kind);
int call_wrong_count(struct translator *t, const char *name, int want);
int call_args(struct translator *t, const struct expr *e, struct term **ret);

/* engine_call_date.c */
int call_dateadd(struct translator *t, const struct expr *e, struct term *ret);
int call_datediff(struct translator *t, const struct expr *e, struct term *ret);
int call_datepart(struct translator *t, const struct expr *e, struct term *ret);
int call_time(struct translator *t, const struct expr *e, struct term *ret);

/* engine_call_aggregate.c */
int call_aggregate_scope(struct translator *t, const struct expr *e, struct term *ret);
int call_rank(struct translator *t, const struct expr *e, struct term *ret);

#endif
