/* SQLite functions: text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf16.h"
#include "base/utf8.h"
#include "tests/tdsd/engine_number.h"
#include "tests/tdsd/engine_private.h"
#include "tests/tdsd/engine_text.h"

#define OUT_MAX (512u * 1024 * 1024)

static bool any_null(int n, sqlite3_value **v)
{
	for (int i = 0; i < n; i++)
		if (sqlite3_value_type(v[i]) == SQLITE_NULL)
			return true;
	return false;
}

static const char *text_of(sqlite3_value *v, size_t *ret_len)
{
	const char *s = (const char *)sqlite3_value_text(v);

	*ret_len = (size_t)sqlite3_value_bytes(v);
	return s ? s : "";
}

static void give(sqlite3_context *context, const char *s, size_t len)
{
	sqlite3_result_text64(context, s ? s : "", len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static void give_buf(sqlite3_context *context, const struct buf *b)
{
	give(context, buf_str(b), b->len);
}

static void map(sqlite3_context *context, sqlite3_value *v, uint32_t (*fn)(uint32_t c))
{
	size_t len, n;
	const char *s;
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUT_MAX);
	uint32_t c;

	if (sqlite3_value_type(v) == SQLITE_NULL)
		return;
	s = text_of(v, &len);
	for (size_t i = 0; i < len; i += n) {
		uint8_t to[4];

		n = utf8_decode((const uint8_t *)s + i, len - i, &c);
		if (n == 0) {
			buf_addc(&out, s[i]);
			n = 1;
			continue;
		}
		buf_add(&out, to, (size_t)(utf8_encode(to, fn(c)) - to));
	}
	give_buf(context, &out);
}

static void f_lower(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	map(context, v[0], text_lower);
}

static void f_upper(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	map(context, v[0], text_upper);
}

static void f_reverse(sqlite3_context *context, int n, sqlite3_value **v)
{
	size_t len, step;
	const char *s;
	char *out;
	uint32_t c;

	(void)n;
	if (any_null(1, v))
		return;
	s = text_of(v[0], &len);
	out = mem_alloc(len + 1);
	for (size_t i = 0; i < len; i += step) {
		step = utf8_decode((const uint8_t *)s + i, len - i, &c);
		step = step ? step : 1;
		memcpy(out + len - i - step, s + i, step);
	}
	give(context, out, len);
	free(out);
}

static void f_len(sqlite3_context *context, int n, sqlite3_value **v)
{
	size_t len;
	const char *s;

	(void)n;
	if (any_null(1, v))
		return;
	if (sqlite3_value_type(v[0]) == SQLITE_BLOB) {
		sqlite3_result_int(context, sqlite3_value_bytes(v[0]));
		return;
	}
	s = text_of(v[0], &len);
	while (len && s[len - 1] == ' ')
		len--;
	sqlite3_result_int64(context, (int64_t)utf16_units((const uint8_t *)s, len));
}

static void f_datalength(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct tds_column t;
	size_t len;
	const char *s;

	(void)n;
	if (any_null(1, v))
		return;
	engine_type_decode((const char *)sqlite3_value_text(v[1]), &t);
	if (engine_type_class(&t) == TC_TEXT) {
		s = text_of(v[0], &len);
		if (tds_type_is_utf16(t.type))
			len = 2 * utf16_units((const uint8_t *)s, len);
		else
			len = utf8_count((const uint8_t *)s, len);
		sqlite3_result_int64(context, (int64_t)len);
	} else if (engine_type_class(&t) == TC_BYTES || engine_type_class(&t) == TC_UDT ||
		   engine_type_class(&t) == TC_VARIANT) {
		sqlite3_result_int(context, sqlite3_value_bytes(v[0]));
	} else {
		sqlite3_result_int(context, (int)t.size);
	}
}

/* Characters [start, start + count) of s, counted from 0; what is outside is cut. */
static void slice(sqlite3_context *context, sqlite3_value *v, int64_t start, int64_t count)
{
	size_t len, from, to;
	const char *s;

	if (start < 0) {
		count += start;
		start = 0;
	}
	if (count < 0)
		count = 0;
	if (sqlite3_value_type(v) == SQLITE_BLOB) {
		int64_t size = sqlite3_value_bytes(v);
		const char *p = sqlite3_value_blob(v);

		start = start > size ? size : start;
		count = count > size - start ? size - start : count;
		sqlite3_result_blob64(
			context, p ? p + start : "", (uint64_t)count, SQLITE_TRANSIENT);
		return;
	}
	s = text_of(v, &len);
	from = text_offset(s, len, (size_t)start);
	to = from + text_offset(s + from, len - from, (size_t)count);
	give(context, s + from, to - from);
}

static void bad_length(sqlite3_context *context, const char *name)
{
	(void)tsql_fail(&function_session(context)->error,
		strcmp(name, "substring") == 0 ? 537 : 536, name);
	function_fail(context);
}

static void f_substring(sqlite3_context *context, int n, sqlite3_value **v)
{
	if (any_null(n, v))
		return;
	if (sqlite3_value_int64(v[2]) < 0)
		bad_length(context, "substring");
	else
		slice(context, v[0], sqlite3_value_int64(v[1]) - 1, sqlite3_value_int64(v[2]));
}

static void f_left(sqlite3_context *context, int n, sqlite3_value **v)
{
	if (any_null(n, v))
		return;
	if (sqlite3_value_int64(v[1]) < 0)
		bad_length(context, "left");
	else
		slice(context, v[0], 0, sqlite3_value_int64(v[1]));
}

static void f_right(sqlite3_context *context, int n, sqlite3_value **v)
{
	size_t len;
	const char *s;
	int64_t count, all;

	if (any_null(n, v))
		return;
	s = text_of(v[0], &len);
	all = (int64_t)utf8_count((const uint8_t *)s, len);
	count = sqlite3_value_int64(v[1]);
	if (count < 0)
		bad_length(context, "right");
	else
		slice(context, v[0], all > count ? all - count : 0, count);
}

static void f_stuff(sqlite3_context *context, int n, sqlite3_value **v)
{
	size_t len, from, to, with_len = 0;
	const char *s, *with = "";
	int64_t start = sqlite3_value_int64(v[1]), count = sqlite3_value_int64(v[2]);
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUT_MAX);

	(void)n;
	if (any_null(3, v))
		return;
	s = text_of(v[0], &len);
	if (sqlite3_value_type(v[3]) != SQLITE_NULL)
		with = text_of(v[3], &with_len);
	if (start < 1 || count < 0 || (size_t)start > utf8_count((const uint8_t *)s, len))
		return;
	from = text_offset(s, len, (size_t)start - 1);
	to = from + text_offset(s + from, len - from, (size_t)count);
	buf_add(&out, s, from);
	buf_add(&out, with, with_len);
	buf_add(&out, s + to, len - to);
	give_buf(context, &out);
}

static void f_replicate(sqlite3_context *context, int n, sqlite3_value **v)
{
	size_t len;
	const char *s;
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUT_MAX);

	if (any_null(n, v) || sqlite3_value_int64(v[1]) < 0)
		return;
	s = text_of(v[0], &len);
	for (int64_t i = 0; i < sqlite3_value_int64(v[1]) && !out.overflow; i++)
		buf_add(&out, s, len);
	give_buf(context, &out);
}

static void f_space(sqlite3_context *context, int n, sqlite3_value **v)
{
	int64_t count = sqlite3_value_int64(v[0]);
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUT_MAX);

	(void)n;
	if (any_null(1, v) || count < 0)
		return;
	while (count-- > 0)
		buf_addc(&out, ' ');
	give_buf(context, &out);
}

static void f_quotename(sqlite3_context *context, int n, sqlite3_value **v)
{
	size_t len, mark_len;
	const char *s, *mark = "[";
	char close;
	CLEANUP(buf_release) struct buf out = BUF_INIT(2048);

	if (any_null(n, v))
		return;
	s = text_of(v[0], &len);
	if (n > 1)
		mark = text_of(v[1], &mark_len);
	close = *mark == '[' || *mark == ']' ? ']' : *mark == '(' || *mark == ')' ? ')' : *mark;
	if (utf8_count((const uint8_t *)s, len) > 128)
		return;
	buf_addc(&out, close == ']' ? '[' : close == ')' ? '(' : close);
	for (size_t i = 0; i < len; i++) {
		if (s[i] == close)
			buf_addc(&out, close);
		buf_addc(&out, s[i]);
	}
	buf_addc(&out, close);
	give_buf(context, &out);
}

/* PARSENAME('a.b.c', 1): the parts from behind; brackets are taken. */
static void f_parsename(sqlite3_context *context, int n, sqlite3_value **v)
{
	size_t len;
	const char *s;
	int parts = 1, want = sqlite3_value_int(v[1]), at = 1;
	CLEANUP(buf_release) struct buf out = BUF_INIT(4096);
	bool in = false;

	if (any_null(n, v) || want < 1 || want > 4)
		return;
	s = text_of(v[0], &len);
	for (size_t i = 0; i < len; i++) {
		in = in ? s[i] != ']' : s[i] == '[';
		parts += !in && s[i] == '.';
	}
	in = false;
	for (size_t i = 0; i < len; i++) {
		if ((!in && s[i] == '[') || (in && s[i] == ']')) {
			in = !in;
			continue;
		}
		if (!in && s[i] == '.')
			at++;
		else if (at == parts - want + 1)
			buf_addc(&out, s[i]);
	}
	if (out.len)
		give_buf(context, &out);
}

static void f_char(sqlite3_context *context, int n, sqlite3_value **v)
{
	int64_t c = sqlite3_value_int64(v[0]);
	uint8_t out[4];

	(void)n;
	if (!any_null(1, v) && c >= 0 && c <= 0x10FFFF)
		give(context, (const char *)out, (size_t)(utf8_encode(out, (uint32_t)c) - out));
}

static void f_unicode(sqlite3_context *context, int n, sqlite3_value **v)
{
	size_t len;
	const char *s;
	uint32_t c = 0;

	(void)n;
	if (any_null(1, v))
		return;
	s = text_of(v[0], &len);
	if (len && utf8_decode((const uint8_t *)s, len, &c))
		sqlite3_result_int(context, (int)c);
}

static void f_concat(sqlite3_context *context, int n, sqlite3_value **v)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUT_MAX);

	for (int i = 0; i < n; i++) {
		size_t len;
		const char *s;

		if (sqlite3_value_type(v[i]) == SQLITE_NULL)
			continue;
		s = text_of(v[i], &len);
		buf_add(&out, s, len);
	}
	give_buf(context, &out);
}

static void f_concat_ws(sqlite3_context *context, int n, sqlite3_value **v)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUT_MAX);
	size_t len, mark_len;
	const char *mark = text_of(v[0], &mark_len);
	bool any = false;

	for (int i = 1; i < n; i++) {
		const char *s;

		if (sqlite3_value_type(v[i]) == SQLITE_NULL)
			continue;
		if (any)
			buf_add(&out, mark, mark_len);
		any = true;
		s = text_of(v[i], &len);
		buf_add(&out, s, len);
	}
	give_buf(context, &out);
}

static void f_str(sqlite3_context *context, int n, sqlite3_value **v)
{
	char out[400];
	int length = n > 1 ? sqlite3_value_int(v[1]) : 10,
	    digits = n > 2 ? sqlite3_value_int(v[2]) : 0;

	if (any_null(n, v) || length < 1 || length > 300 || digits < 0 || digits > 16)
		return;
	snprintf(out, sizeof(out), "%*.*f", length, digits, sqlite3_value_double(v[0]));
	if ((int)strlen(out) > length)
		memset(out, '*', (size_t)length);
	give(context, out, (size_t)length);
}

static void f_translate(sqlite3_context *context, int n, sqlite3_value **v)
{
	size_t len, from_len, to_len, step;
	const char *s, *from, *to;
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUT_MAX);

	if (any_null(n, v))
		return;
	s = text_of(v[0], &len);
	from = text_of(v[1], &from_len);
	to = text_of(v[2], &to_len);
	for (size_t i = 0; i < len; i += step) {
		uint32_t c, f;
		size_t at = 0, k = 0;

		step = utf8_decode((const uint8_t *)s + i, len - i, &c);
		step = step ? step : 1;
		for (; k < from_len; at++) {
			size_t w = utf8_decode((const uint8_t *)from + k, from_len - k, &f);

			if (f == c)
				break;
			k += w ? w : 1;
		}
		if (k < from_len) {
			size_t b = text_offset(to, to_len, at),
			       e = b + text_offset(to + b, to_len - b, 1);

			buf_add(&out, to + b, e - b);
		} else {
			buf_add(&out, s + i, step);
		}
	}
	give_buf(context, &out);
}

static void f_isnumeric(sqlite3_context *context, int n, sqlite3_value **v)
{
	size_t len;
	const char *s = text_of(v[0], &len);
	struct number x;

	(void)n;
	while (len && *s == ' ')
		s++, len--;
	while (len && s[len - 1] == ' ')
		len--;
	sqlite3_result_int(context, !any_null(1, v) && exact_parse(s, len, true, &x));
}

static void f_like(sqlite3_context *context, int n, sqlite3_value **v)
{
	size_t len, pattern_len, escape_len;
	const char *s, *pattern, *escape;
	uint32_t c = 0;

	(void)n;
	if (any_null(2, v))
		return;
	s = text_of(v[0], &len);
	pattern = text_of(v[1], &pattern_len);
	if (sqlite3_value_type(v[2]) != SQLITE_NULL) {
		escape = text_of(v[2], &escape_len);
		(void)utf8_decode((const uint8_t *)escape, escape_len, &c);
	}
	sqlite3_result_int(context, text_like(text_fold_of((const char *)sqlite3_value_text(v[3])),
					    s, len, pattern, pattern_len, c));
}

static void f_replace(sqlite3_context *context, int n, sqlite3_value **v)
{
	size_t len, what_len, with_len, from = 0, at, matched;
	const char *s, *what, *with;
	enum text_fold fold;
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUT_MAX);

	if (any_null(n, v))
		return;
	s = text_of(v[0], &len);
	what = text_of(v[1], &what_len);
	with = text_of(v[2], &with_len);
	fold = text_fold_of((const char *)sqlite3_value_text(v[3]));
	while ((at = text_find(fold, s, len, from, what, what_len, &matched)) != SIZE_MAX) {
		buf_add(&out, s + from, at - from);
		buf_add(&out, with, with_len);
		from = at + matched;
	}
	buf_add(&out, s + from, len - from);
	give_buf(context, &out);
}

static void f_charindex(sqlite3_context *context, int n, sqlite3_value **v)
{
	size_t len, what_len, at, matched;
	const char *s, *what;
	int64_t start;

	if (any_null(n, v))
		return;
	what = text_of(v[0], &what_len);
	s = text_of(v[1], &len);
	start = sqlite3_value_int64(v[2]);
	at = text_find(text_fold_of((const char *)sqlite3_value_text(v[3])), s, len,
		start > 1 ? text_offset(s, len, (size_t)start - 1) : 0, what, what_len, &matched);
	sqlite3_result_int64(
		context, at == SIZE_MAX ? 0 : (int64_t)utf8_count((const uint8_t *)s, at) + 1);
}

static void f_patindex(sqlite3_context *context, int n, sqlite3_value **v)
{
	size_t len, p_len, at = 0;
	const char *s, *p;
	enum text_fold fold;
	bool anywhere;

	if (any_null(n, v))
		return;
	p = text_of(v[0], &p_len);
	s = text_of(v[1], &len);
	fold = text_fold_of((const char *)sqlite3_value_text(v[3]));
	anywhere = p_len && p[0] == '%';
	if (anywhere)
		p++, p_len--;
	for (size_t i = 0; i <= len; i += i < len ? text_offset(s + i, len - i, 1) : 1, at++) {
		if (text_like(fold, s + i, len - i, p, p_len, 0)) {
			sqlite3_result_int64(context, (int64_t)at + 1);
			return;
		}
		if (!anywhere)
			break;
	}
	sqlite3_result_int(context, 0);
}

static void f_rtrim0(sqlite3_context *context, int n, sqlite3_value **v)
{
	const uint8_t *p = sqlite3_value_blob(v[0]);
	int len = sqlite3_value_bytes(v[0]);

	(void)n;
	if (any_null(1, v))
		return;
	while (len && p[len - 1] == 0)
		len--;
	sqlite3_result_blob(context, p ? (const char *)p : "", len, SQLITE_TRANSIENT);
}

static void f_join_bytes(sqlite3_context *context, int n, sqlite3_value **v)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(OUT_MAX);

	if (any_null(n, v))
		return;
	for (int i = 0; i < n; i++)
		if (sqlite3_value_bytes(v[i]))
			buf_add(&out, sqlite3_value_blob(v[i]), (size_t)sqlite3_value_bytes(v[i]));
	sqlite3_result_blob64(context, buf_str(&out), out.len, SQLITE_TRANSIENT);
}

/* --- collations --- */

static int collate(void *arg, int a_len, const void *a, int b_len, const void *b)
{
	return text_compare(*(enum text_fold *)arg, a, (size_t)a_len, b, (size_t)b_len);
}

int functions_register_text(struct session *s)
{
	static const struct {
		const char *name;
		int args;
		sql_function *fn;
	} functions[] = {{"t_lower", 1, f_lower}, {"t_upper", 1, f_upper},
		{"t_reverse", 1, f_reverse}, {"t_len", 1, f_len}, {"t_datalength", 2, f_datalength},
		{"t_substring", 3, f_substring}, {"t_left", 2, f_left}, {"t_right", 2, f_right},
		{"t_stuff", 4, f_stuff}, {"t_replicate", 2, f_replicate}, {"t_space", 1, f_space},
		{"t_quotename", -1, f_quotename}, {"t_parsename", 2, f_parsename},
		{"t_char", 1, f_char}, {"t_nchar", 1, f_char}, {"t_unicode", 1, f_unicode},
		{"t_concat", -1, f_concat}, {"t_concat_ws", -1, f_concat_ws}, {"t_str", -1, f_str},
		{"t_translate", 3, f_translate}, {"t_isnumeric", 1, f_isnumeric},
		{"t_like", 4, f_like}, {"t_replace", 4, f_replace}, {"t_charindex", 4, f_charindex},
		{"t_patindex", 4, f_patindex}, {"t_rtrim0", 1, f_rtrim0},
		{"t_join_bytes", 2, f_join_bytes}};
	static enum text_fold folds[] = {
		FOLD_BINARY, FOLD_CASE, FOLD_NONE, FOLD_CASE_ACCENT, FOLD_ACCENT};
	static const char *const names[] = {"T_BIN", "T_CI", "T_CS", "T_CI_AI", "T_CS_AI"};

	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		if (function_add(s, functions[i].name, functions[i].args, functions[i].fn, true))
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (sqlite3_create_collation(s->db, names[i], SQLITE_UTF8, &folds[i], collate) !=
			SQLITE_OK)
			return -1;
	return 0;
}
