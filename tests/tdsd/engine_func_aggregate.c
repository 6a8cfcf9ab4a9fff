/* SQLite functions: SUM, AVG, and the one row of a scalar subquery. */
#include <stdalign.h>
#include <string.h>

#include "tests/tdsd/engine_number.h"
#include "tests/tdsd/engine_private.h"

struct sum {
	int64_t n;
	struct tds_column from, to;
	bool have_types, failed;
	uint8_t total[sizeof(struct number)]; /* SQLite's memory is aligned to 8 bytes only */
	double real;
};

/* SQLite aligns to 8 bytes, and a number of 128 bits wants 16. */
static struct sum *sum_of(sqlite3_context *context, bool make)
{
	size_t more = alignof(struct sum) - 1;
	uintptr_t at = (uintptr_t)sqlite3_aggregate_context(
		context, make ? (int)(sizeof(struct sum) + more) : 0);

	return at ? (struct sum *)((at + more) & ~(uintptr_t)more) : NULL;
}

static void overflow(sqlite3_context *context, const struct tds_column *t)
{
	(void)tsql_fail(&function_session(context)->error, 8115, "expression",
		engine_type_class(t) == TC_DECIMAL ? "numeric" : engine_type_name(t));
	function_fail(context);
}

static void accumulate(sqlite3_context *context, sqlite3_value **v, char op)
{
	struct sum *sum = sum_of(context, true);
	struct cell c = cell_of_value(v[0]);
	struct number x, total;

	if (!sum || sum->failed)
		return;
	if (!sum->have_types) {
		engine_type_decode((const char *)sqlite3_value_text(v[1]), &sum->from);
		engine_type_decode((const char *)sqlite3_value_text(v[2]), &sum->to);
		sum->have_types = true;
	}
	if (c.kind == CELL_NULL)
		return;
	sum->n += op == '+' ? 1 : -1;
	if (engine_type_class(&sum->from) == TC_FLOAT) {
		sum->real += op == '+' ? c.r : -c.r;
		return;
	}
	x = number_of_cell(&sum->from, &c);
	memcpy(&total, sum->total, sizeof(total));
	if (!number_arith(op, &total, &x, x.scale, &total))
		sum->failed = true;
	memcpy(sum->total, &total, sizeof(total));
}

static void sum_step(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	accumulate(context, v, '+');
}

static void sum_inverse(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	accumulate(context, v, '-');
}

static void finish(sqlite3_context *context, bool avg)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct sum *sum = sum_of(context, false);
	struct number r, count;
	struct cell c;
	unsigned scale;

	if (!sum || sum->n == 0)
		return;
	if (engine_type_class(&sum->to) == TC_FLOAT) {
		sqlite3_result_double(context, avg ? sum->real / (double)sum->n : sum->real);
		return;
	}
	scale = engine_type_class(&sum->to) == TC_INT     ? 0
		: engine_type_class(&sum->to) == TC_MONEY ? 4
							  : sum->to.scale;
	memcpy(&r, sum->total, sizeof(r));
	count = (struct number){.magnitude = (unsigned __int128)sum->n};
	if (sum->failed || (avg && !number_arith('/', &r, &count, scale, &r)) ||
		!number_rescale(&r, scale, false)) {
		overflow(context, &sum->to);
		return;
	}
	if (engine_type_class(&sum->to) == TC_INT) {
		int64_t i;

		if (!number_int64(&r, &i) ||
			(sum->to.size == 4 && (i > INT32_MAX || i < INT32_MIN)))
			overflow(context, &sum->to);
		else
			sqlite3_result_int64(context, i);
		return;
	}
	if (!number_fits(&r, 38)) {
		overflow(context, &sum->to);
		return;
	}
	c = number_cell(&sum->to, &r, &a);
	cell_result(context, &c);
}

static void sum_finish(sqlite3_context *context)
{
	finish(context, false);
}

static void avg_finish(sqlite3_context *context)
{
	finish(context, true);
}

struct single {
	int64_t n;
	sqlite3_value *v;
};

static void single_step(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct single *one = sqlite3_aggregate_context(context, sizeof(*one));

	(void)n;
	if (!one)
		return;
	if (++one->n == 2) {
		(void)tsql_fail(&function_session(context)->error, 512);
		function_fail(context);
	} else if (one->n == 1) {
		one->v = sqlite3_value_dup(v[0]);
	}
}

static void single_finish(sqlite3_context *context)
{
	struct single *one = sqlite3_aggregate_context(context, 0);

	if (!one || !one->v)
		return;
	if (one->n == 1)
		sqlite3_result_value(context, one->v);
	sqlite3_value_free(one->v);
}

int functions_register_aggregates(struct session *s)
{
	int flags = SQLITE_UTF8 | SQLITE_INNOCUOUS;

	return sqlite3_create_window_function(s->db, "t_sum", 3, flags, s, sum_step, sum_finish,
		       sum_finish, sum_inverse, NULL) ||
			       sqlite3_create_window_function(s->db, "t_avg", 3, flags, s, sum_step,
				       avg_finish, avg_finish, sum_inverse, NULL) ||
			       sqlite3_create_function(s->db, "t_single", 1, flags, s, NULL,
				       single_step, single_finish)
		       ? -1
		       : 0;
}
