/* Our codec against rows that an independent client encoded (tests/data/golden/rows.tsv, made by
 * tests/integration/test_golden.py): text to bytes, and bytes back to the value. */
#include "unit/support.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tds/row.h"
#include "tds/value.h"
#include "unit/values.h"

#define PATH	  "tests/data/golden/rows.tsv"
#define LINE_MAX  4096
#define VALUE_MAX 1024

struct golden {
	struct tds_column c;
	const char *type;
	char text[VALUE_MAX]; /* as tds_value_parse takes it */
	bool null;
	uint8_t bytes[VALUE_MAX];
	size_t len;
};

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned byte;

	for (; sscanf(hex, "%2x", &byte) == 1 && isxdigit((unsigned char)*hex); hex += 2)
		out[n++] = (uint8_t)byte;
	return n;
}

/* A (max) value has its bytes alone in the file: in one chunk of known length they are ours. */
static void read_bytes(const char *hex, struct golden *g)
{
	uint8_t data[VALUE_MAX], *p = g->bytes;
	size_t n;

	if (strncmp(hex, "max:", 4) != 0) {
		g->len = unhex(hex, g->bytes);
		return;
	}
	n = unhex(hex + 4, data);
	p = tds_put64(p, n);
	if (n)
		p = tds_put_bytes(tds_put32(p, (uint32_t)n), data, (uint32_t)n);
	g->len = (size_t)(tds_put32(p, 0) - g->bytes);
}

/* What JSON and JavaScript write otherwise than T-SQL. */
static void read_text(char *json, struct golden *g)
{
	size_t len = strlen(json);
	bool binary = strstr(g->type, "binary") != NULL;

	g->null = strcmp(json, "null") == 0;
	if (*json == '"') {
		json[len - 1] = '\0';
		json++;
		len -= 2;
	}
	if (strncmp(g->type, "time", 4) == 0 && len > 11)
		json += 11; /* behind the date */
	if (g->c.type != TDS_DATETIMEOFFSETN && len > 20 && json[strlen(json) - 1] == 'Z')
		json[strlen(json) - 1] = '\0';
	snprintf(g->text, sizeof(g->text), "%s%s", binary ? "0x" : "", json);
}

/* False at the end. */
static bool next(FILE *f, char line[LINE_MAX], struct golden *g)
{
	struct err err = ERR_INIT;
	char *save, *json, *hex;

	do
		if (!fgets(line, LINE_MAX, f))
			return false;
	while (*line == '#');
	g->type = strtok_r(line, "\t", &save);
	json = strtok_r(NULL, "\t", &save);
	hex = strtok_r(NULL, "\t\n", &save);
	must(tds_type_parse(g->type, &g->c, &err), &err);
	g->c.name = g->type;
	read_bytes(hex, g);
	read_text(json, g);
	return true;
}

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if (*text & 0x80)
			return false;
	return true;
}

static void check(const struct golden *g)
{
	struct tds_value said = {.kind = TDS_NULL}, got;
	const uint8_t *p = g->bytes;
	uint8_t out[2 * VALUE_MAX], *end;
	struct err err = ERR_INIT;

	if (!g->null)
		must(tds_value_parse(&g->c, g->text, strlen(g->text), &said, &err), &err);
	end = tds_encode(out, &g->c, &said);
	if ((size_t)(end - out) != g->len || memcmp(out, g->bytes, g->len) != 0)
		fail_msg("%s '%s' is not encoded as others do", g->type, g->text);
	must(tds_decode(&p, g->bytes + g->len, &g->c, NULL, &got, &err), &err);
	assert_ptr_equal(p, g->bytes + g->len);
	/* texts and bytes have another kind on the way back: their encoding was compared */
	if (said.kind == got.kind && !values_same(&said, &got))
		fail_msg("%s '%s' is not read as it was written", g->type, g->text);
}

static void as_others_do(void **state)
{
	FILE *f = fopen(PATH, "r");
	char line[LINE_MAX];
	struct golden g;
	size_t n = 0;

	(void)state;
	assert_non_null(f);
	while (next(f, line, &g)) {
		if (tds_type_is_narrow(g.c.type) && !is_ascii(g.text))
			continue; /* in a code page: tests/unit/tds/convert.c */
		check(&g);
		n++;
	}
	fclose(f);
	assert_true(n > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_others_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
