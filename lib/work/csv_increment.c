#include "work/csv_increment.h"

#include <string.h>

#include "base/text.h"
#include "db/db.h"
#include "work/watermark.h"

#define TEXT_MAX (64u * 1024) /* bytes of a watermark */

static bool is_text(const struct tds_column *c)
{
	return tds_type_base(c->type) == TDS_BIGVARCHAR;
}

static bool is_number(const struct tds_column *c)
{
	switch (tds_type_base(c->type)) {
	case TDS_INTN:
	case TDS_FLTN:
	case TDS_DECIMALN:
		return true;
	default:
		return false;
	}
}

static bool is_time(const struct tds_column *c)
{
	switch (tds_type_base(c->type)) {
	case TDS_DATEN:
	case TDS_DATETIME2N:
	case TDS_DATETIMEOFFSETN:
		return true;
	default:
		return false;
	}
}

/* The last watermark less the lookback, as text of the column's type. */
static int look_back(const struct job *job, const char *from, const struct tds_column *c,
	struct arena *a, const char **ret_text, struct err *err)
{
	struct db_value value, before;

	*ret_text = from;
	if (!job->lookback)
		return 0;
	if (watermark_parse(from, is_number(c), &value, err) < 0 ||
		watermark_before(&value, job->lookback, a, &before, err) < 0 ||
		watermark_print(&before, a, ret_text, err) < 0)
		return err_wrap(err, "lookback");
	return 0;
}

static int find_column(struct csv_increment *inc, const struct job *job,
	const struct tds_columns *cols, uint32_t fields, struct arena *a, struct err *err)
{
	int at = tds_column_find(cols, job->watermark_column);
	const char **names = arena_array(a, fields ? fields : 1, sizeof(*names));

	if (at >= 0 && (uint32_t)at < fields) {
		inc->column = (uint32_t)at;
		inc->type = &cols->v[at];
		return 0;
	}
	for (uint32_t i = 0; i < fields; i++)
		names[i] = cols->v[i].name;
	err_set(err, ERR_CONFIG, "watermark_column: the files have no column '%s'",
		job->watermark_column);
	return err_suggest(err, text_nearest(job->watermark_column, names, fields));
}

int csv_increment_init(struct csv_increment *inc, const struct job *job, const char *from,
	const struct tds_columns *cols, uint32_t fields, struct arena *a, struct err *err)
{
	const char *text;

	*inc = (struct csv_increment){.on = job->load_mode == LOAD_INCREMENTAL,
		.text = BUF_INIT(TEXT_MAX)};
	if (!inc->on)
		return 0;
	if (find_column(inc, job, cols, fields, a, err) < 0)
		return -1;
	if (!is_text(inc->type) && !is_number(inc->type) && !is_time(inc->type))
		return err_set(err, ERR_CONFIG,
			"watermark_column '%s' is neither a number nor a time nor a text",
			inc->type->name);
	if (!from)
		return 0;
	if (look_back(job, from, inc->type, a, &text, err) < 0 ||
		tds_value_parse(inc->type, text, strlen(text), &inc->above, err) < 0) {
		err_settle_value(err, true); /* it is in the ledger for all to see */
		return err_wrap(err, "the watermark of column '%s'", inc->type->name);
	}
	inc->from = from;
	return 0;
}

void csv_increment_release(struct csv_increment *inc)
{
	if (inc->on)
		buf_release(&inc->text);
}

/* Text is the reader's only until its next record. */
static void keep(struct csv_increment *inc, const struct tds_value *v)
{
	inc->max = *v;
	if (v->kind != TDS_TEXT)
		return;
	buf_reset(&inc->text);
	buf_add(&inc->text, v->s.data, v->s.len);
	inc->max.s.data = (const uint8_t *)buf_str(&inc->text);
	inc->max.s.len = (uint32_t)inc->text.len;
}

bool csv_increment_take(struct csv_increment *inc, const struct tds_value *v)
{
	if (!inc->seen || tds_value_compare(v, &inc->max) > 0)
		keep(inc, v);
	inc->seen = true;
	return !inc->from || tds_value_compare(v, &inc->above) > 0;
}

/* It never goes back, whatever the files have. */
const char *csv_increment_to(const struct csv_increment *inc, struct arena *a)
{
	char text[TDS_PRINT_MAX];
	struct tds_value from;
	struct err ignored = ERR_INIT;

	if (!inc->seen)
		return NULL;
	if (inc->from &&
		tds_value_parse(inc->type, inc->from, strlen(inc->from), &from, &ignored) == 0 &&
		tds_value_compare(&inc->max, &from) <= 0)
		return inc->from;
	if (inc->max.kind == TDS_TEXT)
		return arena_strndup(a, (const char *)inc->max.s.data, inc->max.s.len);
	tds_value_print(inc->type, &inc->max, text);
	return arena_strdup(a, text);
}
