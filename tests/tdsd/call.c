#include "tests/tdsd/call.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "tds/info.h"
#include "tds/row.h"
#include "tests/tdsd/result.h"

#define BY_ID        0xFFFF
#define PARAM_BY_REF 0x01
#define NO_EXEC      0xFE
#define BATCH_71     0x80
#define BATCH        0xFF
#define LONG_NULL    UINT32_MAX

static const char *const names[PROC_COUNT] = {
	[PROC_NAMED] = "",
	[PROC_CURSOR] = "sp_cursor",
	[PROC_CURSOROPEN] = "sp_cursoropen",
	[PROC_CURSORPREPARE] = "sp_cursorprepare",
	[PROC_CURSOREXECUTE] = "sp_cursorexecute",
	[PROC_CURSORPREPEXEC] = "sp_cursorprepexec",
	[PROC_CURSORUNPREPARE] = "sp_cursorunprepare",
	[PROC_CURSORFETCH] = "sp_cursorfetch",
	[PROC_CURSOROPTION] = "sp_cursoroption",
	[PROC_CURSORCLOSE] = "sp_cursorclose",
	[PROC_EXECUTESQL] = "sp_executesql",
	[PROC_PREPARE] = "sp_prepare",
	[PROC_EXECUTE] = "sp_execute",
	[PROC_PREPEXEC] = "sp_prepexec",
	[PROC_PREPEXECRPC] = "sp_prepexecrpc",
	[PROC_UNPREPARE] = "sp_unprepare",
};

/* "sys.sp_executesql" is sp_executesql. */
static enum procedure find_procedure(const char *name)
{
	const char *dot = strrchr(name, '.');

	name = dot ? dot + 1 : name;
	for (int i = 1; i < PROC_COUNT; i++)
		if (strcasecmp(name, names[i]) == 0)
			return (enum procedure)i;
	return PROC_NAMED;
}

/* text, ntext and image: a length and the bytes, without a pointer. They go on as the (max) type.
 */
static int take_long_value(struct bytes *b, struct arena *a, struct engine_param *p)
{
	uint32_t len = (uint32_t)bytes_number(b, 4);
	const uint8_t *data = len == LONG_NULL ? NULL : bytes_take(b, len);
	uint8_t *value = arena_alloc(a, TDS_PLP_OVERHEAD + (data ? len : 0)), *end;

	if (b->cut)
		return -1;
	p->type.type = p->type.type == TDS_OLD_NTEXT  ? TDS_NVARCHAR
		       : p->type.type == TDS_OLD_TEXT ? TDS_BIGVARCHAR
						      : TDS_BIGVARBINARY;
	p->type.size = TDS_SIZE_MAX;
	if (!data) {
		end = tds_put64(value, TDS_PLP_NULL);
	} else {
		end = tds_put64(value, len);
		if (len)
			end = tds_put_bytes(tds_put32(end, len), data, len);
		end = tds_put32(end, 0);
	}
	p->value = value;
	p->len = (size_t)(end - value);
	return 0;
}

static int take_value(struct bytes *b, struct arena *a, struct engine_param *p)
{
	bool null;

	if (tds_form(&p->type) == TDS_FORM_TEXTPTR)
		return take_long_value(b, a, p);
	p->value = b->p;
	if (!result_skip_value(b, &p->type, &null))
		return -1;
	p->len = (size_t)(b->p - p->value);
	return 0;
}

/* 1: taken; 0: its type is not known, and there is no end to be found; -1: it is cut. */
static int take_param(struct bytes *b, struct arena *a, struct engine_param *p, struct err *err)
{
	struct err unknown = ERR_INIT;
	uint8_t flags;

	p->name = bytes_text(b, (size_t)bytes_number(b, 1), a);
	flags = (uint8_t)bytes_number(b, 1);
	p->output = flags & PARAM_BY_REF;
	p->type.name = p->name;
	p->type.nullable = true;
	if (b->cut || bytes_left(b) == 0)
		return err_set(err, ERR_DATA, "a call ends within a parameter");
	if (tds_info_decode(&b->p, b->end, &p->type, &unknown) < 0)
		return 0;
	if (take_value(b, a, p) < 0)
		return err_set(err, ERR_DATA, "a call ends within a value");
	return 1;
}

/* Is it the byte between two calls, not a name's length? */
static bool is_separator(enum tds_level level, uint8_t byte)
{
	return byte == NO_EXEC || byte == (level < TDS_7_2 ? BATCH_71 : BATCH);
}

static int take_params(
	struct bytes *b, enum tds_level level, struct arena *a, struct call *c, struct err *err)
{
	size_t cap = 0;

	while (bytes_left(b) && !is_separator(level, *b->p)) {
		uint8_t type;
		int got;

		if (c->n_params == CALL_PARAMS_MAX)
			return err_set(err, ERR_LIMIT, "more than %d parameters", CALL_PARAMS_MAX);
		c->params = arena_grow(a, c->params, c->n_params, &cap, sizeof(*c->params));
		c->params[c->n_params] = (struct engine_param){0};
		got = take_param(b, a, &c->params[c->n_params++], err);
		if (got < 0)
			return -1;
		if (got == 0) {
			type = bytes_left(b) ? *b->p : 0;
			c->bad_param = c->n_params;
			c->bad_type = type;
			b->p = b->end;
		}
	}
	return 0;
}

int call_take(struct bytes *b, enum tds_level level, struct arena *a, struct call *ret_call,
	struct err *err)
{
	struct call c = {0};
	size_t len = (size_t)bytes_number(b, 2);

	if (len == BY_ID) {
		unsigned id = (unsigned)bytes_number(b, 2);

		if (id == 0 || id >= PROC_COUNT)
			return err_set(err, ERR_DATA, "procedure number %u", id);
		c.procedure = (enum procedure)id;
		c.name = names[id];
	} else {
		c.name = bytes_text(b, len, a);
		c.procedure = find_procedure(c.name);
	}
	(void)bytes_number(b, 2); /* recompile; metadata */
	if (b->cut)
		return err_set(err, ERR_DATA, "a call ends before its parameters");
	if (take_params(b, level, a, &c, err) < 0)
		return -1;
	if (bytes_left(b)) {
		c.no_exec = bytes_number(b, 1) == NO_EXEC;
		c.more = bytes_left(b) > 0;
	}
	*ret_call = c;
	return 0;
}

/* --- values ----------------------------------------------------------------------- */

const char *call_text(const struct engine_param *p, struct arena *a)
{
	CLEANUP(buf_release) struct buf joined = BUF_INIT(TDS_PLP_MAX);
	struct err err = ERR_INIT;
	struct tds_value v;
	const uint8_t *at = p->value;

	if (tds_decode(&at, p->value + p->len, &p->type, &joined, &v, &err) < 0)
		return "";
	switch (v.kind) {
	case TDS_UTF16:
		return bytes_utf8(v.s.data, v.s.len, a);
	case TDS_TEXT:
		return arena_strndup(a, (const char *)v.s.data, v.s.len);
	default:
		return "";
	}
}

int64_t call_int(const struct engine_param *p)
{
	struct err err = ERR_INIT;
	struct tds_value v;
	const uint8_t *at = p->value;

	if (tds_decode(&at, p->value + p->len, &p->type, NULL, &v, &err) < 0 || v.kind != TDS_INT)
		return 0;
	return v.i;
}

/* The end of the declaration that begins at p: a comma outside of parentheses. */
static const char *declaration_end(const char *p)
{
	int depth = 0;

	for (; *p && (*p != ',' || depth > 0); p++)
		depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
	return p;
}

uint32_t call_names(const char *declaration, struct arena *a, const char ***ret_names)
{
	const char **list = NULL, *p = declaration;
	size_t n = 0, cap = 0;

	while (*p && n < CALL_PARAMS_MAX) {
		const char *end = declaration_end(p);
		size_t len;

		while (isspace((unsigned char)*p))
			p++;
		len = strcspn(p, " \t\r\n,");
		if (*p == '@') {
			list = arena_grow(a, list, n, &cap, sizeof(*list));
			list[n++] = arena_strndup(a, p, len);
		}
		p = *end ? end + 1 : end;
	}
	*ret_names = list;
	return (uint32_t)n;
}
