/* What an xml value must be: content that is well-formed, of any number of elements. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/tdsd/engine_cast.h"

#define DEPTH_MAX 256 /* elements in one another */

struct xml {
	struct tsql_error *e;
	const char *begin, *p, *end;
	const char *names[DEPTH_MAX]; /* of the elements that are open, */
	size_t lens[DEPTH_MAX];	      /* and their lengths */
	size_t depth;
};

static int fail(struct xml *x, int32_t number)
{
	int64_t line = 1, column = 1;
	char at[24];

	for (const char *p = x->begin; p < x->p; p++) {
		column = *p == '\n' ? 1 : column + ((*p & 0xC0) != 0x80);
		line += *p == '\n';
	}
	strcpy(at, tsql_number(line));
	return tsql_fail(x->e, number, at, tsql_number(column));
}

static bool at(const struct xml *x, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(x->end - x->p) >= len && memcmp(x->p, text, len) == 0;
}

static bool take(struct xml *x, const char *text)
{
	if (!at(x, text))
		return false;
	x->p += strlen(text);
	return true;
}

static void skip_blanks(struct xml *x)
{
	while (x->p < x->end && isspace((unsigned char)*x->p))
		x->p++;
}

static int skip_past(struct xml *x, const char *text)
{
	const char *found = memmem(x->p, (size_t)(x->end - x->p), text, strlen(text));

	x->p = found ? found + strlen(text) : x->end;
	return found ? 0 : fail(x, 9400);
}

static bool is_name(unsigned char c, bool first)
{
	return isalpha(c) || c == '_' || c == ':' || c >= 0x80 || (!first && (isdigit(c) || c == '-' || c == '.'));
}

static int take_name(struct xml *x, const char **ret_name, size_t *ret_len)
{
	const char *name = x->p;

	while (x->p < x->end && is_name((unsigned char)*x->p, x->p == name))
		x->p++;
	*ret_name = name;
	*ret_len = (size_t)(x->p - name);
	if (*ret_len)
		return 0;
	return fail(x, x->p == x->end ? 9400 : 9455);
}

/* &name; or &#number; */
static int take_reference(struct xml *x)
{
	const char *name;
	size_t len;

	x->p++;
	if (take(x, "#"))
		while (x->p < x->end && isalnum((unsigned char)*x->p))
			x->p++;
	else if (x->p < x->end && !is_name((unsigned char)*x->p, true))
		return fail(x, 9421);
	else if (take_name(x, &name, &len))
		return -1;
	return take(x, ";") ? 0 : fail(x, 9411);
}

static int take_attribute(struct xml *x)
{
	const char *name;
	char quote;
	size_t len;

	if (take_name(x, &name, &len))
		return -1;
	skip_blanks(x);
	if (!take(x, "="))
		return fail(x, 9414);
	skip_blanks(x);
	if (!at(x, "'") && !at(x, "\""))
		return fail(x, 9413);
	for (quote = *x->p++; x->p < x->end && *x->p != quote;) {
		if (*x->p == '<')
			return fail(x, 9422);
		if (*x->p != '&')
			x->p++;
		else if (take_reference(x))
			return -1;
	}
	return x->p++ < x->end ? 0 : (x->p = x->end, fail(x, 9400));
}

static int begin_element(struct xml *x)
{
	const char *name;
	size_t len;

	if (take_name(x, &name, &len))
		return -1;
	for (;;) {
		skip_blanks(x);
		if (take(x, "/>"))
			return 0;
		if (take(x, ">"))
			break;
		if (x->p == x->end)
			return fail(x, 9400);
		if (take_attribute(x))
			return -1;
	}
	if (x->depth == DEPTH_MAX)
		return tsql_unsupported(x->e, "an xml value as deep as this");
	x->names[x->depth] = name;
	x->lens[x->depth++] = len;
	return 0;
}

static int end_element(struct xml *x)
{
	const char *name, *open;
	size_t len;

	if (take_name(x, &name, &len))
		return -1;
	skip_blanks(x);
	open = x->depth ? x->names[x->depth - 1] : NULL;
	if (!open || x->lens[x->depth - 1] != len || memcmp(open, name, len) != 0 || !take(x, ">"))
		return fail(x, 9436);
	x->depth--;
	return 0;
}

static int take_markup(struct xml *x)
{
	if (take(x, "<!--"))
		return skip_past(x, "-->");
	if (take(x, "<![CDATA["))
		return skip_past(x, "]]>");
	if (take(x, "<?"))
		return skip_past(x, "?>");
	if (take(x, "</"))
		return end_element(x);
	x->p++;
	return begin_element(x);
}

int cast_check_xml(struct tsql_error *e, const char *text, size_t len)
{
	struct xml *x = mem_alloc(sizeof(*x));
	int rc = 0;

	*x = (struct xml){.e = e, .begin = text, .p = text, .end = text + len};
	while (rc == 0 && x->p < x->end) {
		if (*x->p == '<')
			rc = take_markup(x);
		else if (*x->p == '&')
			rc = take_reference(x);
		else if ((unsigned char)*x->p < ' ' && !isspace((unsigned char)*x->p))
			rc = fail(x, 9420);
		else
			x->p++;
	}
	if (rc == 0 && x->depth)
		rc = fail(x, 9400);
	free(x);
	return rc;
}
