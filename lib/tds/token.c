#include "tds/token.h"

#include "base/utf16.h"
#include "tds/info.h"
#include "tds/scan.h"

/* `units` of UTF-16; what is no character is '?'. */
static const char *take_text(struct tds_reader *r, size_t units, struct arena *a)
{
	const uint8_t *p = tds_take_bytes(r, 2 * units);
	size_t len = 2 * units, written;
	char *text, *to;

	if (!p)
		return "";
	to = text = arena_alloc(a, UTF8_MAX_OF_UTF16(len) + units + 1);
	while (len) {
		size_t used = utf16_to_utf8(p, len, (uint8_t *)to, &written);

		to += written;
		if (used < len) {
			*to++ = '?';
			used += 2;
		}
		p += used;
		len -= used;
	}
	*to = '\0';
	return text;
}

static void read_done(struct tds_reader *r, struct tds_token *t)
{
	t->done.status = (uint16_t)tds_take(r, 2);
	t->done.command = (uint16_t)tds_take(r, 2);
	t->done.count = tds_take(r, 8);
}

static void read_message(struct tds_reader *r, struct arena *a, struct tds_token *t)
{
	t->message.number = (int32_t)tds_take(r, 4);
	t->message.state = (uint8_t)tds_take(r, 1);
	t->message.severity = (uint8_t)tds_take(r, 1);
	t->message.text = take_text(r, tds_take(r, 2), a);
	t->message.server = take_text(r, tds_take(r, 1), a);
	t->message.procedure = take_text(r, tds_take(r, 1), a);
	t->message.line = (int32_t)tds_take(r, 4);
}

static bool is_text(uint8_t env)
{
	return env == TDS_ENV_DATABASE || env == TDS_ENV_PACKET_SIZE;
}

static void read_env(struct tds_reader *r, struct tds_token *t)
{
	size_t len;

	t->env.type = (uint8_t)tds_take(r, 1);
	switch (t->env.type) {
	case TDS_ENV_DATABASE:
	case TDS_ENV_PACKET_SIZE:
	case TDS_ENV_COLLATION:
	case TDS_ENV_BEGIN:
	case TDS_ENV_COMMIT:
	case TDS_ENV_ROLLBACK:
	case TDS_ENV_TRANSACTION_ENDED:
		len = (is_text(t->env.type) ? 2 : 1) * (size_t)tds_take(r, 1);
		t->env.value = tds_take_bytes(r, len);
		t->env.len = (uint32_t)len;
		break;
	default:
		break; /* others are the login's, or nobody's */
	}
}

/* A token that says its length (2 or 4 bytes) is read within it. */
static int read_counted(
	struct tds_reader *r, unsigned length_size, struct arena *a, struct tds_token *t, struct err *err)
{
	size_t len = tds_take(r, length_size);
	const uint8_t *p = tds_take_bytes(r, len);
	struct tds_reader within = {.p = p, .end = p ? p + len : NULL};

	if (r->cut)
		return 0;
	if (t->type == TDS_TOKEN_ERROR || t->type == TDS_TOKEN_INFO)
		read_message(&within, a, t);
	else if (t->type == TDS_TOKEN_ENVCHANGE)
		read_env(&within, t);
	if (within.cut)
		return err_set(err, ERR_DATA, "token 0x%02X is longer than it says", t->type);
	return 1;
}

/* The end of a value as it stands in a row, by scan.h's rules. */
static int skip_value(struct tds_reader *r, const struct tds_column *c, struct err *err)
{
	static const uint8_t row_token = TDS_TOKEN_ROW;
	const struct tds_columns one = {.v = (struct tds_column *)c, .n = 1};
	struct tds_plan *plan = tds_plan_new(&one);
	struct tds_scan scan = {.state = 0};
	size_t used;
	int rc = tds_scan_row(plan, &scan, &row_token, 1, &used, err);

	if (rc == 0)
		rc = tds_scan_row(plan, &scan, r->p, (size_t)(r->end - r->p), &used, err);
	tds_plan_free(plan);
	if (rc == 0)
		r->cut = true;
	if (rc > 0)
		r->p += used;
	return rc < 0 ? -1 : 0;
}

/* MS-TDS 2.2.7.18 */
static int read_output(struct tds_reader *r, struct arena *a, struct tds_token *t, struct err *err)
{
	struct tds_column *c = &t->output.column;

	*c = (struct tds_column){.nullable = true};
	(void)tds_take(r, 2); /* ordinal */
	c->name = take_text(r, tds_take(r, 1), a);
	(void)tds_take(r, 1); /* an output parameter's value, or a function's */
	c->user_type = (uint32_t)tds_take(r, 4);
	(void)tds_take(r, 2); /* flags */
	if (tds_info_read(r, c, err) < 0)
		return -1;
	t->output.value = r->p;
	if (skip_value(r, c, err) < 0)
		return -1;
	t->output.len = (uint32_t)(r->p - t->output.value);
	return 0;
}

static int read_token(struct tds_reader *r, struct arena *a, struct tds_token *t, struct err *err)
{
	switch (t->type) {
	case TDS_TOKEN_RETURNSTATUS:
		t->status = (int32_t)tds_take(r, 4);
		return 1;
	case TDS_TOKEN_COLMETADATA:
		return tds_columns_read(r, a, &t->columns, err) < 0 ? -1 : 1;
	case TDS_TOKEN_RETURNVALUE:
		return read_output(r, a, t, err) < 0 ? -1 : 1;
	case TDS_TOKEN_DONE:
	case TDS_TOKEN_DONEPROC:
	case TDS_TOKEN_DONEINPROC:
		read_done(r, t);
		return 1;
	case TDS_TOKEN_TABNAME:
	case TDS_TOKEN_COLINFO:
	case TDS_TOKEN_ORDER:
	case TDS_TOKEN_ERROR:
	case TDS_TOKEN_INFO:
	case TDS_TOKEN_ENVCHANGE:
	case TDS_TOKEN_SSPI:
		return read_counted(r, 2, a, t, err);
	case TDS_TOKEN_SESSIONSTATE:
		return read_counted(r, 4, a, t, err);
	default:
		return err_set(err, ERR_DATA, "token 0x%02X is not known", t->type);
	}
}

int tds_token_read(const uint8_t **p, const uint8_t *end, struct arena *a,
	struct tds_token *ret_token, struct err *err)
{
	struct tds_reader r = {.p = *p, .end = end};
	struct tds_token t = {.type = (uint8_t)tds_take(&r, 1)};
	struct err why = ERR_INIT;
	int rc;

	if (r.cut)
		return 0;
	if (t.type == TDS_TOKEN_ROW || t.type == TDS_TOKEN_NBCROW) {
		*ret_token = t;
		return 1;
	}
	rc = read_token(&r, a, &t, &why);
	if (r.cut)
		return 0;
	if (rc < 0) {
		*err = why;
		return -1;
	}
	*p = r.p;
	*ret_token = t;
	return 1;
}
