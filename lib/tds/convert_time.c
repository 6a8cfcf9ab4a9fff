/* convert_time - dates and times (convert_private.h). */
#include "tds/convert_private.h"

static bool is_datetime(const struct tds_column *c)
{
	return tds_type_base(c->type) == TDS_DATETIMN;
}

static int check_datetime(
	const struct tds_conversion *plan, const struct tds_value *v, struct refusal *out)
{
	enum tds_loss loss = tds_datetime_loss(plan->to->size, v);

	if (loss == TDS_LOSS_OVERFLOW)
		return convert_refuse_for(plan, v, loss, "is beyond the range of", out);
	if (loss)
		return convert_refuse_for(plan, v, loss,
			plan->to->size == 4 ? "has seconds, which are lost in"
					    : "has a finer fraction of a second than",
			out);
	return 0;
}

int convert_date_datetime(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	(void)scratch;
	if (is_datetime(plan->to) && check_datetime(plan, v, out) < 0)
		return -1;
	*ret_value = *v;
	return 0;
}

enum tds_verdict verdict_date_datetime(const struct tds_conversion *plan)
{
	return is_datetime(plan->to) ? TDS_CHECK : TDS_WIDEN;
}

int convert_datetime_date(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	(void)scratch;
	if (v->t.ticks)
		return convert_refuse_for(
			plan, v, TDS_LOSS_PRECISION, "has a time of day, which is lost in", out);
	*ret_value = *v;
	return 0;
}

int convert_time_time(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	(void)scratch;
	if (is_datetime(plan->to)) {
		if (check_datetime(plan, v, out) < 0)
			return -1;
	} else if (v->t.ticks % tds_time_unit(plan->to->scale)) {
		return convert_refuse_for(
			plan, v, TDS_LOSS_PRECISION, "has a finer fraction of a second than", out);
	}
	*ret_value = *v;
	return 0;
}

enum tds_verdict verdict_time_time(const struct tds_conversion *plan)
{
	if (is_datetime(plan->to))
		return is_datetime(plan->from) && plan->from->size <= plan->to->size ? TDS_WIDEN
										     : TDS_CHECK;
	return plan->from->scale <= plan->to->scale ? TDS_WIDEN : TDS_CHECK;
}
