#include "work/csv_syntax.h"

#include <string.h>

static int check_character(const char *key, const char *text, struct err *err)
{
	if (strlen(text) == 1 && (unsigned char)*text < 0x80 && *text != '\n' && *text != '\r')
		return 0;
	return err_set(err, ERR_CONFIG, "%s '%s' is not one ASCII character that is no line end",
		key, text);
}

static int same(const char *a, const char *b, char c, struct err *err)
{
	return err_set(err, ERR_CONFIG, "%s and %s are both '%c'", a, b, c);
}

/* 0 for the word that means none. */
static int character(
	const char *key, const char *text, const char *none, char *ret, struct err *err)
{
	*ret = '\0';
	if (strcmp(text, none) == 0)
		return 0;
	if (check_character(key, text, err) < 0)
		return -1;
	*ret = *text;
	return 0;
}

int csv_syntax_of(const struct csv_format *format, struct csv_syntax *ret, struct err *err)
{
	struct csv_syntax s = {.max_field = (uint32_t)format->max_field};

	if (check_character("delimiter", format->delimiter, err) < 0 ||
		character("quote", format->quote, CSV_QUOTE_NONE, &s.quote, err) < 0 ||
		character("escape", format->escape, CSV_ESCAPE_DOUBLED, &s.escape, err) < 0)
		return -1;
	s.delimiter = *format->delimiter;
	if (s.escape == s.quote)
		s.escape = '\0'; /* doubled, in other words */
	if (s.delimiter == s.quote)
		return same("delimiter", "quote", s.quote, err);
	if (s.delimiter == s.escape)
		return same("delimiter", "escape", s.escape, err);
	if (format->max_field < 1 || format->max_field > CSV_FIELD_MAX)
		return err_set(err, ERR_CONFIG, "max_field is not 1 to %u bytes", CSV_FIELD_MAX);
	*ret = s;
	return 0;
}

bool csv_has_header(const struct csv_format *format)
{
	return strcmp(format->header, "no") != 0;
}
