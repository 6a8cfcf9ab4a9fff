/* SQLite functions: casts, stores, arithmetic. */
#include <math.h>
#include <string.h>

#include "tests/tdsd/engine_catalog.h"
#include "tests/tdsd/engine_number.h"

struct session *function_session(sqlite3_context *context)
{
	return sqlite3_user_data(context);
}

void function_fail(sqlite3_context *context)
{
	sqlite3_result_error(context, "tsql", -1);
}

int function_add(struct session *s, const char *name, int args, sql_function *fn, bool pure)
{
	int flags = SQLITE_UTF8 | SQLITE_INNOCUOUS | (pure ? SQLITE_DETERMINISTIC : 0);

	return sqlite3_create_function(s->db, name, args, flags, s, fn, NULL, NULL) == SQLITE_OK
		       ? 0
		       : -1;
}

static void type_arg(sqlite3_value *v, struct tds_column *ret)
{
	engine_type_decode((const char *)sqlite3_value_text(v), ret);
}

/* t_cast(value, from, to, style, mode) */
static void f_cast(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct tds_column from, to;
	struct cell in, out;

	(void)n;
	if (sqlite3_value_type(v[0]) == SQLITE_NULL)
		return;
	type_arg(v[1], &from);
	type_arg(v[2], &to);
	in = cell_of_value(v[0]);
	if (cell_cast(&from, &in, &to, sqlite3_value_int(v[3]),
		    (enum cast_mode)sqlite3_value_int(v[4]), &a, &out, &s->error))
		function_fail(context);
	else
		cell_result(context, &out);
}

/* What a message about a duplicate key shows. */
static void remember(struct session *s, size_t column, const struct tds_column *t,
	const struct cell *c, struct arena *a)
{
	size_t len;
	const char *text;

	if (column >= s->n_stored)
		return;
	buf_reset(&s->stored[column]);
	if (c->kind == CELL_NULL) {
		buf_adds(&s->stored[column], "<NULL>");
		return;
	}
	text = cell_print(t, c, engine_type_class(t) == TC_DATETIME ? 121 : -1, a, &len);
	buf_add(&s->stored[column], text, len > 200 ? 200 : len);
}

static int store_failed(struct session *s, const struct table_column *c)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	if (s->error.number == 2628) {
		const char *cut = strstr(s->error.text, "Truncated value: '");
		char *value = arena_strdup(&a, cut ? cut + strlen("Truncated value: '") : "");

		if (strlen(value) >= 2)
			value[strlen(value) - 2] = '\0';
		return tsql_fail(&s->error, 2628, table_full_name(s->target, &a), c->name, value);
	}
	return -1;
}

/* t_store(value, from, to, column): as the target's column takes it. */
static void f_store(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct session *s = function_session(context);
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	size_t column = (size_t)sqlite3_value_int(v[3]);
	struct tds_column from, to;
	struct cell in = cell_of_value(v[0]), out;
	const struct table_column *c;

	(void)n;
	if (!s->target || column >= s->target->n) {
		(void)tsql_unsupported(&s->error, "a store without a target");
		function_fail(context);
		return;
	}
	c = &s->target->v[column];
	type_arg(v[1], &from);
	type_arg(v[2], &to);
	if (in.kind == CELL_NULL && !c->type.nullable) {
		(void)tsql_fail(&s->error, 515, c->name, table_full_name(s->target, &a),
			s->verb ? s->verb : "INSERT");
		function_fail(context);
		return;
	}
	if (cell_cast(&from, &in, &to, -1, CAST_ASSIGN, &a, &out, &s->error)) {
		(void)store_failed(s, c);
		function_fail(context);
		return;
	}
	remember(s, column, &to, &out, &a);
	cell_result(context, &out);
}

/* --- arithmetic --- */

static void divide_by_zero(sqlite3_context *context)
{
	(void)tsql_fail(&function_session(context)->error, 8134);
	function_fail(context);
}

static void overflow(sqlite3_context *context, const struct tds_column *t)
{
	(void)tsql_fail(&function_session(context)->error, 8115, "expression",
		engine_type_class(t) == TC_DECIMAL ? "numeric" : engine_type_name(t));
	function_fail(context);
}

static double as_double(const struct tds_column *t, const struct cell *c)
{
	struct number n;

	if (engine_type_class(t) == TC_FLOAT)
		return c->kind == CELL_INT ? (double)c->i : c->r;
	n = number_of_cell(t, c);
	return number_double(&n);
}

static void arith_float(
	sqlite3_context *context, char op, double a, double b, const struct tds_column *t)
{
	double r = op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : 0;

	if ((op == '/' || op == '%') && b == 0) {
		divide_by_zero(context);
		return;
	}
	if (op == '/')
		r = a / b;
	if (op == '%')
		r = fmod(a, b);
	if (!isfinite(r))
		overflow(context, t);
	else
		sqlite3_result_double(context, t->size == 4 ? (double)(float)r : r);
}

static void arith_int(
	sqlite3_context *context, char op, int64_t a, int64_t b, const struct tds_column *t)
{
	static const int64_t lows[] = {0, 0, INT16_MIN, 0, INT32_MIN},
			     highs[] = {0, 255, INT16_MAX, 0, INT32_MAX};
	int64_t r = 0;
	bool over = false;

	if ((op == '/' || op == '%') && b == 0) {
		divide_by_zero(context);
		return;
	}
	switch (op) {
	case '+':
		over = __builtin_add_overflow(a, b, &r);
		break;
	case '-':
		over = __builtin_sub_overflow(a, b, &r);
		break;
	case '*':
		over = __builtin_mul_overflow(a, b, &r);
		break;
	case '/':
		over = a == INT64_MIN && b == -1;
		r = over ? 0 : a / b;
		break;
	case '%':
		r = b == -1 ? 0 : a % b;
		break;
	case '&':
		r = a & b;
		break;
	case '|':
		r = a | b;
		break;
	default:
		r = a ^ b;
		break;
	}
	if (t->size < 8 && t->type != TDS_BITN)
		over |= r < lows[t->size] || r > highs[t->size];
	if (over)
		overflow(context, t);
	else
		sqlite3_result_int64(context, r);
}

/* t_arith(op, a, type of a, b, type of b, type of the result) */
static void f_arith(sqlite3_context *context, int n, sqlite3_value **v)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	char op = (char)sqlite3_value_text(v[0])[0];
	struct tds_column ta, tb, t;
	struct cell a, b, out;
	struct number x, y, r;
	bool money;

	(void)n;
	if (sqlite3_value_type(v[1]) == SQLITE_NULL || sqlite3_value_type(v[3]) == SQLITE_NULL)
		return;
	type_arg(v[2], &ta);
	type_arg(v[4], &tb);
	type_arg(v[5], &t);
	a = cell_of_value(v[1]);
	b = cell_of_value(v[3]);
	if (engine_type_class(&t) == TC_FLOAT) {
		arith_float(context, op, as_double(&ta, &a), as_double(&tb, &b), &t);
		return;
	}
	if (engine_type_class(&t) == TC_INT) {
		arith_int(context, op, a.i, b.i, &t);
		return;
	}
	money = engine_type_class(&t) == TC_MONEY;
	x = number_of_cell(&ta, &a);
	y = number_of_cell(&tb, &b);
	if ((op == '/' || op == '%') && y.magnitude == 0) {
		divide_by_zero(context);
		return;
	}
	if (!number_arith(op, &x, &y, money ? 4 : t.scale, &r) ||
		(money ? r.magnitude > tds_money_max(t.size, r.negative) : !number_fits(&r, 38))) {
		overflow(context, &t);
		return;
	}
	out = number_cell(&t, &r, &arena);
	cell_result(context, &out);
}

/* t_negate(value, type) */
static void f_negate(sqlite3_context *context, int n, sqlite3_value **v)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct tds_column t;
	struct cell c = cell_of_value(v[0]);
	struct number x;

	(void)n;
	if (c.kind == CELL_NULL)
		return;
	type_arg(v[1], &t);
	if (c.kind == CELL_REAL) {
		sqlite3_result_double(context, -c.r);
	} else if (c.kind == CELL_INT) {
		arith_int(context, '-', 0, c.i,
			&(struct tds_column){.type = TDS_INTN,
				.size = engine_type_class(&t) == TC_INT ? t.size : 8});
	} else {
		x = number_of_cell(&t, &c);
		x.negative = !x.negative;
		c = number_cell(&t, &x, &arena);
		cell_result(context, &c);
	}
}

/* t_number('a' abs, 's' sign, 'c' ceiling, 'f' floor; value, type, type of the result) */
static void f_number(sqlite3_context *context, int n, sqlite3_value **v)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	char op = (char)sqlite3_value_text(v[0])[0];
	struct tds_column t, to;
	struct cell c = cell_of_value(v[1]);
	struct number x, whole;

	(void)n;
	if (c.kind == CELL_NULL)
		return;
	type_arg(v[2], &t);
	type_arg(v[3], &to);
	if (engine_type_class(&t) == TC_FLOAT) {
		double r = as_double(&t, &c);

		sqlite3_result_double(context, op == 'a'   ? fabs(r)
					       : op == 's' ? (r > 0) - (r < 0)
					       : op == 'c' ? ceil(r)
							   : floor(r));
		return;
	}
	x = number_of_cell(&t, &c);
	if (op == 's') {
		x.magnitude = x.magnitude != 0;
		x.scale = 0;
		number_rescale(&x, engine_type_class(&to) == TC_MONEY ? 4 : to.scale, false);
	} else if (op == 'a') {
		x.negative = false;
	} else {
		whole = x;
		number_rescale(&whole, 0, true);
		if (whole.magnitude * tds_pow10(x.scale) != x.magnitude)
			whole.magnitude += op == 'c' ? !x.negative : x.negative;
		x = whole;
		number_rescale(&x, engine_type_class(&to) == TC_MONEY ? 4 : to.scale, false);
	}
	if (engine_type_class(&to) == TC_INT) {
		arith_int(context, '+', x.negative ? -(int64_t)x.magnitude : (int64_t)x.magnitude,
			0, &to);
		return;
	}
	c = number_cell(&to, &x, &arena);
	cell_result(context, &c);
}

/* t_round(value, type, digits, cut) */
static void f_round(sqlite3_context *context, int n, sqlite3_value **v)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct tds_column t;
	struct cell c = cell_of_value(v[0]);
	int digits = sqlite3_value_int(v[2]);
	bool cut = sqlite3_value_int(v[3]) != 0;
	struct number x;
	unsigned scale;

	(void)n;
	if (c.kind == CELL_NULL || sqlite3_value_type(v[2]) == SQLITE_NULL)
		return;
	type_arg(v[1], &t);
	if (engine_type_class(&t) == TC_FLOAT) {
		double f = pow(10, digits), r = as_double(&t, &c) * f;

		sqlite3_result_double(context, (cut ? trunc(r) : round(r)) / f);
		return;
	}
	x = number_of_cell(&t, &c);
	scale = x.scale;
	if (digits >= 0) {
		if ((unsigned)digits < scale)
			number_rescale(&x, (unsigned)digits, cut);
		number_rescale(&x, scale, false);
	} else if (digits > -38) {
		unsigned up = (unsigned)-digits;

		number_rescale(&x, 0, true);
		x.scale = up;
		number_rescale(&x, 0, cut);
		x.magnitude *= tds_pow10(up);
		number_rescale(&x, scale, false);
	} else {
		x.magnitude = 0;
	}
	if (engine_type_class(&t) == TC_INT) {
		arith_int(context, '+', x.negative ? -(int64_t)x.magnitude : (int64_t)x.magnitude,
			0, &t);
		return;
	}
	c = number_cell(&t, &x, &arena);
	cell_result(context, &c);
}

#define MATH(name, expression)                                                                     \
	static void name(sqlite3_context *context, int n, sqlite3_value **v)                       \
	{                                                                                          \
		double x = sqlite3_value_double(v[0]), y = n > 1 ? sqlite3_value_double(v[1]) : 0, \
		       r;                                                                          \
                                                                                                   \
		if (sqlite3_value_type(v[0]) == SQLITE_NULL ||                                     \
			(n > 1 && sqlite3_value_type(v[1]) == SQLITE_NULL))                        \
			return;                                                                    \
		r = (expression);                                                                  \
		if (isfinite(r)) {                                                                 \
			sqlite3_result_double(context, r + 0 * y);                                 \
		} else {                                                                           \
			(void)tsql_fail(&function_session(context)->error, 3623);                  \
			function_fail(context);                                                    \
		}                                                                                  \
	}
MATH(f_sqrt, sqrt(x))
MATH(f_square, x *x)
MATH(f_exp, exp(x))
MATH(f_log, n > 1 ? log(x) / log(y) : log(x))
MATH(f_power, pow(x, y))

int functions_register(struct session *s)
{
	static const struct {
		const char *name;
		int args;
		sql_function *fn;
	} functions[] = {{"t_cast", 5, f_cast}, {"t_arith", 6, f_arith}, {"t_negate", 2, f_negate},
		{"t_number", 4, f_number}, {"t_round", 4, f_round}, {"t_sqrt", 1, f_sqrt},
		{"t_square", 1, f_square}, {"t_exp", 1, f_exp}, {"t_log", -1, f_log},
		{"t_power", 2, f_power}};

	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		if (function_add(s, functions[i].name, functions[i].args, functions[i].fn, true))
			return -1;
	if (function_add(s, "t_store", 4, f_store, false))
		return -1;
	return functions_register_text(s) || functions_register_aggregates(s) ||
			       functions_register_dates(s) || functions_register_session(s)
		       ? -1
		       : 0;
}
