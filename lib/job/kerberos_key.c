#include "job/kerberos_key.h"

#include <unistd.h>

#include "base/clock.h"
#include "job/store_private.h"

#define LOOK_AGAIN_US (20 * 1000)

static int take(struct store *s, const struct kerberos_key *k, int64_t hold_ms, bool force, bool *ret_ours,
	struct err *err)
{
	if (db_begin(s->db, err))
		return -1;
	if (statements_run(&s->stmts, ST_KEY_TAKE, err, "tttri", k->principal, k->version, k->holder,
		    (double)hold_ms / 1000, (int64_t)force) == 0) {
		*ret_ours = db_changes(s->db) == 1;
		if (db_commit(s->db, err) == 0)
			return 0;
	}
	db_rollback(s->db);
	return -1;
}

static int is_refused(struct store *s, const struct kerberos_key *k, bool *ret, struct err *err)
{
	struct db_stmt *stmt;
	int row;

	if (statements_bind(&s->stmts, ST_KEY_LOOK, &stmt, err, "tt", k->principal, k->version))
		return -1;
	row = db_step(stmt, err);
	if (row < 0)
		return -1;
	*ret = row && db_column_int(stmt, 0) != 0;
	db_reset(stmt);
	return 0;
}

int kerberos_key_begin(struct store *s, const struct kerberos_key *k, int64_t wait_ms, int64_t hold_ms, bool force,
	enum kerberos_key_turn *ret, struct err *err)
{
	int64_t end = clock_system.monotonic(clock_system.arg) + wait_ms;
	bool ours = false, refused = false;

	for (;;) {
		if (take(s, k, hold_ms, force, &ours, err) || (!ours && is_refused(s, k, &refused, err)))
			return err_wrap(err, "kerberos key");
		if (ours || refused || clock_system.monotonic(clock_system.arg) >= end)
			break;
		usleep(LOOK_AGAIN_US);
	}
	*ret = ours ? KERBEROS_KEY_OURS : refused ? KERBEROS_KEY_REFUSED : KERBEROS_KEY_BUSY;
	return 0;
}

int kerberos_key_end(struct store *s, const struct kerberos_key *k, bool refused, struct err *err)
{
	if (statements_run(&s->stmts, refused ? ST_KEY_REFUSED : ST_KEY_GIVE, err, "ttt", k->principal, k->version,
		    k->holder))
		return err_wrap(err, "kerberos key");
	return 0;
}
