#include "tds/declare.h"

#include <string.h>
#include <strings.h>

static const char blanks[] = " \t\r\n";

/* A name in quotes that end with `close`, doubled within; *p is behind the opening one. */
static int quoted_name(const char **p, char close, struct arena *a, const char **ret,
	struct err *err)
{
	const char *s = *p;
	char *name = arena_alloc(a, strlen(s) + 1), *out = name;

	for (;; s++) {
		if (*s == '\0')
			return err_set(err, ERR_CONFIG, "the quote before '%.40s' is not closed",
				*p);
		if (*s == close && *++s != close)
			break;
		*out++ = *s;
	}
	*p = s;
	*ret = name;
	return 0;
}

static int parse_name(const char **p, struct arena *a, const char **ret, struct err *err)
{
	size_t n;

	if (**p == '"' || **p == '[') {
		char close = **p == '[' ? ']' : '"';

		(*p)++;
		if (quoted_name(p, close, a, ret, err) < 0)
			return -1;
	} else {
		n = strcspn(*p, " \t\r\n,");
		*ret = arena_strndup(a, *p, n);
		*p += n;
	}
	if (**ret == '\0')
		return err_set(err, ERR_CONFIG, "a column's name is missing before '%.40s'", *p);
	if (strlen(*ret) > TDS_NAME_MAX)
		return err_set(err, ERR_CONFIG, "a column's name is longer than %d bytes",
			TDS_NAME_MAX);
	return 0;
}

/* Up to the comma that is not within parentheses, or the end. */
static const char *parse_type_text(const char **p, struct arena *a)
{
	const char *begin = *p;
	int depth = 0;

	for (; **p && (**p != ',' || depth); (*p)++)
		depth += (**p == '(') - (**p == ')' && depth);
	return arena_strndup(a, begin, (size_t)(*p - begin));
}

static int parse_column(const char **p, struct arena *a, struct tds_columns *cols, struct err *err)
{
	struct tds_column *c = &cols->v[cols->n];
	const char *name = NULL;

	if (parse_name(p, a, &name, err) < 0)
		return -1;
	if (tds_column_find(cols, name) >= 0)
		return err_set(err, ERR_CONFIG, "column '%s' stands twice", name);
	if (tds_type_parse(parse_type_text(p, a), c, err) < 0)
		return err_wrap(err, "column '%s'", name);
	c->name = name;
	cols->n++;
	return 0;
}

/* Calls `one` for each part between commas; it moves *p behind the part. */
static int parse_list(const char *text, int (*one)(const char **p, void *list, struct err *err),
	void *list, struct err *err)
{
	const char *p = text ? text + strspn(text, blanks) : "";

	while (*p) {
		if (one(&p, list, err) < 0)
			return -1;
		p += strspn(p, blanks);
		if (*p == '\0')
			break;
		if (*p != ',')
			return err_set(err, ERR_CONFIG, "a comma is missing before '%.40s'", p);
		p++;
		p += strspn(p, blanks);
		if (*p == '\0')
			return err_set(err, ERR_CONFIG, "a column is missing behind the last comma");
	}
	return 0;
}

/* What may be between commas, and so at most in the list. */
static uint32_t count_parts(const char *text)
{
	uint32_t n = 1;

	for (const char *s = text ? text : ""; *s; s++)
		n += *s == ',' && n < TDS_COLUMNS_MAX;
	return n;
}

static int too_many(struct err *err)
{
	return err_set(err, ERR_CONFIG, "more than %d columns", TDS_COLUMNS_MAX);
}

struct column_list {
	struct arena *a;
	struct tds_columns cols;
	uint32_t max;
};

static int add_column(const char **p, void *list, struct err *err)
{
	struct column_list *l = list;

	return l->cols.n == l->max ? too_many(err) : parse_column(p, l->a, &l->cols, err);
}

int tds_declare_parse(const char *text, struct arena *a, struct tds_columns *ret_columns,
	struct err *err)
{
	struct column_list l = {.a = a, .max = count_parts(text)};

	l.cols.v = arena_array(a, l.max, sizeof(*l.cols.v));
	if (parse_list(text, add_column, &l, err) < 0)
		return -1;
	*ret_columns = l.cols;
	return 0;
}

struct rename_list {
	struct arena *a;
	struct tds_rename *v;
	uint32_t n, max;
	bool two;
};

static int add_name(const char **p, void *list, struct err *err)
{
	struct rename_list *l = list;
	struct tds_rename *r = &l->v[l->n];

	if (l->n == l->max)
		return too_many(err);
	if (parse_name(p, l->a, &r->from, err) < 0)
		return -1;
	if (l->two) {
		*p += strspn(*p, blanks);
		if (parse_name(p, l->a, &r->to, err) < 0)
			return err_wrap(err, "the other name of '%s'", r->from);
	}
	for (uint32_t i = 0; i < l->n; i++)
		if (strcasecmp(l->v[i].from, r->from) == 0)
			return err_set(err, ERR_CONFIG, "column '%s' stands twice", r->from);
	l->n++;
	return 0;
}

static int parse_names(const char *text, bool two, struct arena *a, struct rename_list *l,
	struct err *err)
{
	*l = (struct rename_list){.a = a, .max = count_parts(text), .two = two};
	l->v = arena_array(a, l->max, sizeof(*l->v));
	return parse_list(text, add_name, l, err);
}

int tds_names_parse(const char *text, struct arena *a, const char ***ret_names, uint32_t *ret_n,
	struct err *err)
{
	struct rename_list l;
	const char **names;

	if (parse_names(text, false, a, &l, err) < 0)
		return -1;
	names = arena_array(a, l.n ? l.n : 1, sizeof(*names));
	for (uint32_t i = 0; i < l.n; i++)
		names[i] = l.v[i].from;
	*ret_names = names;
	*ret_n = l.n;
	return 0;
}

int tds_renames_parse(const char *text, struct arena *a, struct tds_rename **ret_renames,
	uint32_t *ret_n, struct err *err)
{
	struct rename_list l;

	if (parse_names(text, true, a, &l, err) < 0)
		return -1;
	*ret_renames = l.v;
	*ret_n = l.n;
	return 0;
}
