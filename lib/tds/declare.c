#include "tds/declare.h"

#include <string.h>

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

int tds_declare_parse(const char *text, struct arena *a, struct tds_columns *ret_columns,
	struct err *err)
{
	struct tds_columns cols = {.n = 0};
	const char *p = text + strspn(text, blanks);
	uint32_t max = 1;

	for (const char *s = text; *s; s++)
		max += *s == ',' && max < TDS_COLUMNS_MAX;
	cols.v = arena_array(a, max, sizeof(*cols.v));
	while (*p) {
		if (cols.n == max)
			return err_set(err, ERR_CONFIG, "more than %d columns", TDS_COLUMNS_MAX);
		if (parse_column(&p, a, &cols, err) < 0)
			return -1;
		if (*p == '\0')
			break;
		p++; /* the comma */
		p += strspn(p, blanks);
		if (*p == '\0')
			return err_set(err, ERR_CONFIG, "a column is missing behind the last comma");
	}
	*ret_columns = cols;
	return 0;
}
