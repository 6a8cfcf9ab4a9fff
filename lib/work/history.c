#include "work/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Done again it gives the same table. */
static bool is_repeatable(const struct job *job)
{
	return job->idempotent || (job->kind == JOB_COPY && (job_replaces(job) || job->load_mode == LOAD_MERGE));
}

static const char *what(const struct ledger_row *row)
{
	return row->state == LEDGER_PUBLISHED ? "was loaded" : "is begun";
}

static int forgotten(const struct step_host *host, const struct ledger_row *row, struct err *err)
{
	err_set(err, ERR_HELD,
		"the ledger of the target knows run '%s' of job '%s', which %s (begun %s) and which "
		"this store does not know, or not as far: it is older than its target",
		row->run_uid, host->job->name, what(row), row->opened_at ? row->opened_at : "?");
	return err_hint(err,
		"it was restored or copied; end the other one's controllers, look at 'etl recover %s "
		"--dry-run', then 'etl recover %s'",
		host->job->name, host->job->name);
}

static int of_another_store(struct step_host *host, const struct ledger_row *row, struct err *err)
{
	char text[512];

	if (is_repeatable(host->job)) {
		snprintf(text, sizeof(text),
			"the table was loaded by a job '%s' of another store before (run '%s')",
			host->job->name, row->run_uid);
		host->say(host, LOG_WARN, text);
		return 0;
	}
	err_set(err, ERR_HELD,
		"the ledger of the target knows run '%s' of a job '%s' of another store, which %s (begun "
		"%s): loading again could double its rows",
		row->run_uid, host->job->name, what(row), row->opened_at ? row->opened_at : "?");
	return err_hint(err,
		"if this store was made in the other's place, 'etl recover %s' takes its loads over; if "
		"both are in use, give the job another name in one of them",
		host->job->name);
}

/* Those of this store first, since one of them that is forgotten holds the job whatever it does. */
static void in_order(const struct step_host *host, const struct ledger_row *rows, size_t n,
	struct arena *a, const struct ledger_row ***ret_asked, struct run_mark **ret_marks)
{
	const struct ledger_row **asked = arena_array(a, n, sizeof(*asked));
	struct run_mark *marks = arena_array(a, n, sizeof(*marks));
	size_t n_asked = 0;

	for (int others = 0; others < 2; others++)
		for (size_t i = 0; i < n; i++)
			if (others == (strcmp(rows[i].store_uid, host->store_uid) != 0)) {
				asked[n_asked] = &rows[i];
				marks[n_asked++] = (struct run_mark){rows[i].run_uid, rows[i].fence};
			}
	*ret_asked = asked;
	*ret_marks = marks;
}

int history_check(struct step_host *host, const struct target_ops *ops, struct target *t,
	struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const struct ledger_row **asked;
	struct ledger_row *rows;
	struct run_mark *marks;
	size_t n, unknown;

	if (ops->history(t, &a, &rows, &n, err))
		return -1;
	if (n == 0)
		return 0;
	in_order(host, rows, n, &a, &asked, &marks);
	if (host->known_runs(host, marks, n, &unknown, err))
		return err_wrap(err, "does the store know what was loaded");
	if (unknown == n)
		return 0;
	return strcmp(asked[unknown]->store_uid, host->store_uid) == 0
		? forgotten(host, asked[unknown], err)
		: of_another_store(host, asked[unknown], err);
}
