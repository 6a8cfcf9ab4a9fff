/* What an error does to its batch and transaction. */
#include <string.h>

#include "tests/tdsd/engine_private.h"

/* Errors that end the statement with message 3621 behind them. */
static bool terminates(int32_t number)
{
	static const int32_t numbers[] = {
		220, 232, 512, 515, 547, 2601, 2627, 2628, 8115, 8134, 8152, 544, 1205};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (numbers[i] == number)
			return true;
	return false;
}

/* Errors that end the batch and roll back, whatever XACT_ABORT says. */
bool dooms(int32_t number)
{
	static const int32_t numbers[] = {241, 242, 244, 245, 248, 8114, 8169, 1205, 3960, 3952};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (numbers[i] == number)
			return true;
	return false;
}

/* Errors of names and types, found when a statement is compiled: the batch ends, the transaction
 * stays. */
static bool ends_batch(int32_t number)
{
	static const int32_t numbers[] = {102, 107, 108, 137, 145, 156, 195, 205, 206, 207, 208,
		209, 402, 529, 911, 1087, 2812, 3952, 4104, 4145, 8117, 8120, 8155, 266, 40510,
		3930};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (numbers[i] == number)
			return true;
	return false;
}

static bool changes(enum stmt_kind kind)
{
	return kind == ST_INSERT || kind == ST_UPDATE || kind == ST_DELETE ||
	       kind == ST_INSERT_BULK;
}

int error_outside_try(struct session *s, struct stmt *st)
{
	struct tsql_error e = s->error;
	bool doomed = dooms(e.number), raised = s->raised;

	s->raised = false;
	if (out_message(s, &e))
		return -1;
	if (changes(st->kind) && terminates(e.number) &&
		out_info(s, 3621, 0, "The statement has been terminated.", e.line))
		return -1;
	if (s->trancount && (doomed || (s->options.xact_abort && !raised)))
		tran_abort(s);
	if (out_done(s, 0, false, 0, true))
		return -1;
	s->aborted |= doomed || (s->options.xact_abort && !raised) || ends_batch(e.number);
	return 0;
}
