/*
 * run - the life of a run, from its order to its end: a model for spin.
 *
 * Two controllers, two worker processes, the store, and the ledger of a target
 * (docs/design.md §3). README.md beside this file says which function or
 * statement each step stands for, what is left out and why that is sound;
 * `check` runs it.
 *
 * A transaction is one step. Between two steps anything may happen: a crash, a
 * lease that runs out under a living worker, a cancellation. Processes have no
 * memory but the structs below, so that a crash is an assignment; each step is an
 * option of a loop, guarded by what its process is at.
 *
 * Flags:
 *   FAULTS=n      crashes, lost replies and leases lost by the living, in all (2)
 *   ATTEMPTS=n    the highest fence after which a run is tried again, or less (2)
 *   WORKERS=n     processes that may live at a time: 2 or 3
 *   TIMEOUTS      an attempt may also end as timed_out, which differs from failed in name
 *   EXEC          a command instead of a load: nothing fences it
 *   RESTORE       an older copy takes the store's place, once, at any time ...
 *   RECOVER       ... and `etl recover` runs before anything else does
 *   COPIED        a second store goes on from a copy of the first, beside it
 *   SAME_ORDER    two runs of one order: the copy is older than the first
 *   TABLE         two runs of one job into one table, max_active = 1
 *   JOB_EDITED    somebody gives the job another target while the run lives
 *   STAGING       rows go through a staging table that is named for run and fence
 *   BUG_...       the protocol with a mistake in it: spin must find a trace
 */

#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#define CONTROLLERS 2

/* Rows of the store, rows of ledgers, and which belongs to which. */
#if defined(SAME_ORDER) || defined(TABLE)
#define RUNS 2
#define LEDGERS 2
#define LEDGER(r) r
#define MY_LEDGER W.nr
#elif defined(COPIED)
#define RUNS 2
#define LEDGERS 1
#define LEDGER(r) 0
#define MY_LEDGER 0
#elif defined(JOB_EDITED)
#define RUNS 1
#define LEDGERS 2
#define LEDGER(r) row[r].target
#define MY_LEDGER W.target
#else
#define RUNS 1
#define LEDGERS 1
#define LEDGER(r) 0
#define MY_LEDGER 0
#endif

/* Before there is an order. */
#if defined(SAME_ORDER) || defined(COPIED)
#define FIRST ABSENT
#else
#define FIRST QUEUED
#endif

/* NONE is "no row" in the ledger, "no final state is wanted" in settle and goal. */
mtype = { ABSENT, QUEUED, STARTING, RUNNING, SUCCEEDED, FAILED, CANCELLED, TIMED_OUT, UNKNOWN };
mtype = { NONE, OPEN, PUBLISHED, REVOKED };
mtype = { IDLE, TAKE, BEGIN, STAGE, WRITE, LOADED, REVOKE, END, FINISH }; /* a worker's next step */
mtype = { CLAIM, START, EXPIRE };					  /* a controller's */

typedef run_row {
	mtype state = FIRST;
	byte fence;
	mtype settle = NONE;
	bit cancel_requested;
	bit target /* where its ledger row is */
}

typedef ledger_row {
	mtype state = NONE;
	byte fence;
	byte in_flight; /* the fence whose publish transaction the server has not ended yet */
	byte loads	/* how often the rows of the run are in the table */
}

typedef worker_memory {
	mtype pc = IDLE;
	byte fence, nr;
	mtype goal = NONE; /* how the run is to end, once it is to end */
	byte table; /* its version when the load began */
	bit target
}

typedef controller_memory {
	mtype pc = IDLE;
	byte fence, nr;
	mtype state = NONE; /* what it read of the row before it decided */
	mtype goal = NONE
}

run_row row[RUNS];
run_row copy; /* of the store, for later */
ledger_row ledger[LEDGERS];
worker_memory w[WORKERS];
controller_memory c[CONTROLLERS];
byte faults = FAULTS;	      /* that may still happen */
bit may_cancel = 1;	      /* the person has not decided yet */
bit asked[RUNS];	      /* a person has cancelled this run */
bit copied, restored;	      /* there is a copy; it is in use */
byte ran;		      /* EXEC: how often the command began */
byte table;		      /* TABLE: its version, which grows with each publication */
bit target;		      /* JOB_EDITED: the job's */
byte staged[ATTEMPTS + 1];    /* STAGING: by fence, how often the rows are in that table */

/* Slots are alike, so they are kept packed: what is busy comes first. Fewer states, same traces. */
#define W w[_pid]
#define C c[_pid - WORKERS]
/* This controller looks for work. */
#define NEXT_CONTROLLER (C.pc == IDLE && (_pid == WORKERS || c[0].pc != IDLE))

/* Each is printed when it is taken first, and `check` misses those that never are. */
#define SAY(text, ...) \
	c_code { { static char said; if (!said) { said = 1; printf("step: %s", text); } } }; \
	printf(text, __VA_ARGS__)

/* A property. The mutations in `check` name the one that they break. */
#define MUST(what, condition) \
	if \
	:: (condition) \
	:: else -> c_code { printf("broken: %s\n", what); }; assert(false) \
	fi

/* --- what must hold ----------------------------------------------------------- */

#define AT_REST(r) \
	(row[r].state == SUCCEEDED || row[r].state == UNKNOWN || row[r].state == ABSENT || ENDED(r))
#define ENDED(r) \
	(row[r].state == FAILED || row[r].state == CANCELLED || row[r].state == TIMED_OUT)

/* A person has cancelled the run. */
#ifdef COPIED
#define ASKED(r) (asked[0] || asked[1])
#else
#define ASKED(r) asked[r]
#endif

/* How often the rows of one order are in tables. */
#if defined(SAME_ORDER) || defined(JOB_EDITED)
#define LOADS(l) (ledger[0].loads + ledger[1].loads)
#else
#define LOADS(l) ledger[l].loads
#endif

/* An older copy does not know of a claim, so that a person may cancel a run that has begun as one
 * that never did: the hole that `etl recover` closes, see README.md. */
#if (defined(RESTORE) && !defined(RECOVER) && !defined(BUG_NO_RECOVER)) || defined(COPIED)
#define FORGOTTEN(r) (restored && row[r].state == CANCELLED && row[r].fence == 0)
#else
#define FORGOTTEN(r) false
#endif

/* Without a claim nobody has written to the target. */
#define NEVER_STARTED(r) (row[r].fence == 0 && ledger[LEDGER(r)].state == NONE)

/* After each change of the run or of its ledger row. */
inline check(r)
{
#ifdef EXEC
	MUST("the command runs once at most", ran <= 1);
	MUST("what may have begun does not wait for an attempt",
		ran == 0 || (row[r].state != QUEUED && row[r].state != STARTING));
	MUST("succeeded only when it ran", row[r].state != SUCCEEDED || ran == 1);
#else
	MUST("succeeded only when published",
		row[r].state != SUCCEEDED || ledger[LEDGER(r)].state == PUBLISHED);
	MUST("no other end than of a revoked load",
		!ENDED(r) || ledger[LEDGER(r)].state == REVOKED || NEVER_STARTED(r) || FORGOTTEN(r));
#endif
	MUST("cancelled only by a person", row[r].state != CANCELLED || ASKED(r))
}

/* Once nothing can happen any more. */
inline check_at_rest(r)
{
	MUST("every run comes to its end", AT_REST(r));
#ifndef EXEC
	MUST("a published run has succeeded",
		ledger[LEDGER(r)].state != PUBLISHED || row[r].state == SUCCEEDED ||
		row[r].state == ABSENT || FORGOTTEN(r));
#endif
}

inline copy_row(to, from)
{
	to.state = from.state;
	to.fence = from.fence;
	to.settle = from.settle;
	to.cancel_requested = from.cancel_requested
}

/* --- the store ------------------------------------------------------------------ */

#define HELD(r, f, s) (row[r].fence == f && row[r].state == s)

/* A statement on the row. The ways are compared with transitions[] of lib/job/run.c. */
#define move(r, from, to) \
	c_code { { static char said; if (!said) { said = 1; printf("way: " #from " " #to "\n"); } } }; \
	change(r, from, to)

inline change(r, from, to)
{
	MUST("a statement changes what it says", row[r].state == from);
	row[r].state = to;
	check(r)
}

/* --- the target ------------------------------------------------------------------- */

/* Whoever wants the row waits for the transaction that has it. */
#define UNLOCKED(l) (ledger[l].in_flight == 0)

inline write_ledger(r, l, by, to)
{
	MUST("published and revoked are for ever",
		ledger[l].state == NONE || ledger[l].state == OPEN);
	MUST("a lower fence writes nothing", by >= ledger[l].fence);
	ledger[l].state = to;
	ledger[l].fence = by;
	check(r)
}

/* The publish transaction commits. */
inline commit(r, l, by, rows)
{
	ledger[l].loads = ledger[l].loads + rows;
	MUST("published once at most", LOADS(l) <= 1);
#ifdef TABLE
	table++;
#endif
	write_ledger(r, l, by, PUBLISHED)
}

/* begin */
#ifdef BUG_BEGIN_ANY_FENCE
#define MAY_RAISE true
#else
#define MAY_RAISE (ledger[MY_LEDGER].fence <= W.fence)
#endif
#if defined(SAME_ORDER) && !defined(BUG_NO_ORDER_KEY_IN_LEDGER)
#define ORDER_IS_FREE (ledger[1 - W.nr].state == NONE || ledger[1 - W.nr].state == REVOKED)
#else
#define ORDER_IS_FREE true
#endif

/* publish: the conditions of its transaction */
#ifdef BUG_NO_FENCE_IN_PUBLISH
#define IS_OPEN (ledger[MY_LEDGER].state == OPEN)
#elif defined(BUG_NO_STATE_IN_PUBLISH)
#define IS_OPEN (ledger[MY_LEDGER].fence == W.fence)
#else
#define IS_OPEN (ledger[MY_LEDGER].state == OPEN && ledger[MY_LEDGER].fence == W.fence)
#endif
#if defined(TABLE) && !defined(BUG_NO_TABLE_VERSION)
#define SAME_TABLE (table == W.table)
#else
#define SAME_TABLE true
#endif
#if defined(STAGING) && !defined(BUG_COUNT_BEFORE_PUBLISH)
#define SAME_ROWS (staged[W.fence] == 1)
#else
#define SAME_ROWS true
#endif
#if defined(STAGING)
#define STAGED staged[W.fence]
#elif defined(BUG_APPLY_BEFORE_PUBLISH)
#define STAGED 0
#else
#define STAGED 1
#endif

/* revoke */
#ifdef BUG_REVOKE_ANY_FENCE
#define MAY_REVOKE true
#else
#define MAY_REVOKE (ledger[MY_LEDGER].fence <= W.fence)
#endif

/* --- workers ------------------------------------------------------------------------ */

inline copy_worker(to, from)
{
	to.pc = from.pc;
	to.fence = from.fence;
	to.nr = from.nr;
	to.goal = from.goal;
	to.table = from.table;
	to.target = from.target
}

/* The process is gone, however it went. */
inline leave()
{
	if
	:: _pid < 1 -> copy_worker(w[0], w[1])
	:: else
	fi;
#if WORKERS > 2
	if
	:: _pid < 2 -> copy_worker(w[1], w[2])
	:: else
	fi;
#endif
	w[WORKERS - 1].pc = IDLE;
	w[WORKERS - 1].fence = 0;
	w[WORKERS - 1].nr = 0;
	w[WORKERS - 1].goal = NONE;
	w[WORKERS - 1].table = 0;
	w[WORKERS - 1].target = 0
}

#ifdef BUG_TAKE_RUNNING
#define MAY_TAKE (HELD(W.nr, W.fence, STARTING) || HELD(W.nr, W.fence, RUNNING))
#else
#define MAY_TAKE HELD(W.nr, W.fence, STARTING)
#endif

/* The error of a commit says nothing. The attempt begins again, or ends the run for which it asks
 * by revoking. */
inline after_lost_commit()
{
#ifdef BUG_LOST_COMMIT_ASSUMED_FAILED
	W.goal = FAILED;
	W.pc = END
#elif defined(BUG_LOST_COMMIT_READ)
	/* a plain SELECT does not wait */
	if
	:: ledger[MY_LEDGER].state == PUBLISHED -> W.pc = FINISH
	:: else -> W.goal = FAILED; W.pc = END
	fi
#else
	if
	:: W.pc = BEGIN
	:: W.goal = FAILED; W.pc = REVOKE
	fi
#endif
}

#ifdef EXEC
#define SETTLE END /* there is no target to ask */
#else
#define SETTLE REVOKE
#endif

active [WORKERS] proctype worker()
{
end:	do
	:: d_step { W.pc == TAKE ->
		if
		:: MAY_TAKE ->
			SAY("worker %d: takes the run, fence %d\n", _pid, W.fence);
#ifdef BUG_TAKE_RUNNING
			if
			:: row[W.nr].state == RUNNING -> skip
			:: else -> move(W.nr, STARTING, RUNNING)
			fi;
#else
			move(W.nr, STARTING, RUNNING);
#endif
			W.pc = (W.goal == NONE -> BEGIN : SETTLE)
		:: else ->
			SAY("worker %d: the run of fence %d is not mine to take\n", _pid, W.fence);
			leave()
		fi }

#ifndef EXEC
	:: d_step { W.pc == BEGIN && UNLOCKED(MY_LEDGER) ->
		if
		:: ledger[MY_LEDGER].state == PUBLISHED ->
			SAY("worker %d: begin %d finds it published\n", _pid, W.fence);
			W.pc = FINISH
		:: ledger[MY_LEDGER].state == REVOKED ->
			SAY("worker %d: begin %d finds it revoked\n", _pid, W.fence);
#ifdef BUG_REVOKED_MEANS_CANCELLED
			W.goal = CANCELLED;
#else
			W.goal = (row[W.nr].cancel_requested -> CANCELLED : FAILED);
#endif
			W.pc = END
		:: ledger[MY_LEDGER].state == NONE && !(ORDER_IS_FREE) ->
			SAY("worker %d: begin %d finds the order loaded by another run\n", _pid, W.fence);
			W.goal = FAILED;
			W.pc = REVOKE
		:: (ledger[MY_LEDGER].state == NONE && ORDER_IS_FREE) ||
			(ledger[MY_LEDGER].state == OPEN && MAY_RAISE) ->
			SAY("worker %d: begin %d\n", _pid, W.fence);
			write_ledger(W.nr, MY_LEDGER, W.fence, OPEN);
#ifdef BUG_APPLY_BEFORE_PUBLISH
			ledger[MY_LEDGER].loads++;
			MUST("published once at most", LOADS(MY_LEDGER) <= 1);
#endif
#ifdef TABLE
			W.table = table;
#endif
#ifdef STAGING
			W.pc = STAGE
#else
			W.pc = LOADED
#endif
		:: else ->
			SAY("worker %d: begin %d finds a higher fence\n", _pid, W.fence);
			leave()
		fi }

#ifdef STAGING
	:: d_step { W.pc == STAGE ->
		SAY("worker %d: makes the staging table of %d anew\n", _pid, W.fence);
		staged[W.fence] = 0;
		W.pc = WRITE }
	:: d_step { W.pc == WRITE ->
		SAY("worker %d: fills the staging table of %d\n", _pid, W.fence);
		staged[W.fence]++;
		W.pc = LOADED }
#endif

	:: atomic { W.pc == LOADED && UNLOCKED(MY_LEDGER) &&
#ifdef TABLE
			UNLOCKED(1 - W.nr) &&
#endif
			IS_OPEN && SAME_TABLE && SAME_ROWS ->
		if
		:: d_step {
			SAY("worker %d: publishes, fence %d\n", _pid, W.fence);
#ifdef TABLE
			MUST("published over what was read", table == W.table);
#endif
			commit(W.nr, MY_LEDGER, W.fence, STAGED);
			W.pc = FINISH }
		:: d_step { faults > 0 ->
			SAY("worker %d: publishes, fence %d, and hears nothing\n", _pid, W.fence);
			faults--;
			ledger[MY_LEDGER].in_flight = W.fence };
			after_lost_commit()
		:: d_step { faults > 0 ->
			SAY("worker %d: dies in its commit, fence %d\n", _pid, W.fence);
			faults--;
			ledger[MY_LEDGER].in_flight = W.fence;
			leave() }
		fi }
	:: d_step { W.pc == LOADED && UNLOCKED(MY_LEDGER) && !(IS_OPEN) ->
		SAY("worker %d: may not publish, fence %d\n", _pid, W.fence);
		leave() }
	:: d_step { W.pc == LOADED && UNLOCKED(MY_LEDGER) && IS_OPEN && !(SAME_TABLE && SAME_ROWS) ->
		SAY("worker %d: what it read is of yesterday, fence %d\n", _pid, W.fence);
		W.goal = FAILED;
		W.pc = REVOKE }

	/* A renewal, or a statement on the run's row: zero rows. */
	:: d_step { (W.pc == BEGIN || W.pc == LOADED) && !HELD(W.nr, W.fence, RUNNING) ->
		SAY("worker %d: finds that it has lost the run, fence %d\n", _pid, W.fence);
		leave() }
	/* A renewal that succeeds. */
	:: d_step { (W.pc == BEGIN || W.pc == LOADED) && HELD(W.nr, W.fence, RUNNING) &&
			row[W.nr].cancel_requested ->
		SAY("worker %d: sees the cancellation, fence %d\n", _pid, W.fence);
		W.goal = CANCELLED;
		W.pc = REVOKE }
	/* It fails and may be tried again, or is asked to give the run back. */
	:: d_step { (W.pc == BEGIN || W.pc == LOADED) && HELD(W.nr, W.fence, RUNNING) &&
			W.fence < ATTEMPTS ->
		SAY("worker %d: gives the run back, fence %d\n", _pid, W.fence);
		move(W.nr, RUNNING, QUEUED);
		leave() }
	/* It fails for good: the run ends once the target says so. */
	:: atomic { W.pc == BEGIN || W.pc == LOADED ->
		SAY("worker %d: fails for good, fence %d\n", _pid, W.fence);
		if
		:: W.goal = FAILED
#ifdef TIMEOUTS
		:: W.goal = TIMED_OUT
#endif
		fi;
#ifdef BUG_END_WITHOUT_REVOKE
		W.pc = END
#else
		W.pc = REVOKE
#endif
		}

	:: d_step { W.pc == REVOKE && UNLOCKED(MY_LEDGER) ->
		if
		:: ledger[MY_LEDGER].state == PUBLISHED ->
			SAY("worker %d: revoke %d finds it published\n", _pid, W.fence);
			W.pc = FINISH
		:: ledger[MY_LEDGER].state == REVOKED ->
			SAY("worker %d: revoke %d finds it revoked\n", _pid, W.fence);
			W.pc = END
		:: ledger[MY_LEDGER].state == NONE ->
			SAY("worker %d: revoke %d before anybody began\n", _pid, W.fence);
#ifndef BUG_REVOKE_WITHOUT_ROW
			write_ledger(W.nr, MY_LEDGER, W.fence, REVOKED);
#endif
			W.pc = END
		:: ledger[MY_LEDGER].state == OPEN && MAY_REVOKE ->
			SAY("worker %d: revoke %d\n", _pid, W.fence);
			write_ledger(W.nr, MY_LEDGER, W.fence, REVOKED);
			W.pc = END
		:: else ->
			SAY("worker %d: revoke %d finds a higher fence\n", _pid, W.fence);
			leave()
		fi }
#else /* EXEC */

#ifdef BUG_EXEC_BEFORE_TAKE
	:: d_step { W.pc == TAKE && W.goal == NONE && ran == 0 ->
		ran++;
		check(W.nr) }
#endif
	:: d_step { W.pc == BEGIN ->
		SAY("worker %d: starts the command, fence %d\n", _pid, W.fence);
		ran++;
		check(W.nr);
		W.pc = LOADED }
	/* The command has not begun: another attempt may. */
	:: d_step { W.pc == BEGIN && HELD(W.nr, W.fence, RUNNING) && W.fence < ATTEMPTS ->
		SAY("worker %d: gives the run back, fence %d\n", _pid, W.fence);
		move(W.nr, RUNNING, QUEUED);
		leave() }
	:: d_step { W.pc == LOADED ->
		SAY("worker %d: the command has succeeded, fence %d\n", _pid, W.fence);
		W.pc = FINISH }
	:: atomic { W.pc == BEGIN || W.pc == LOADED ->
		SAY("worker %d: the command has failed, fence %d\n", _pid, W.fence);
		if
		:: W.goal = FAILED
#ifdef TIMEOUTS
		:: W.goal = TIMED_OUT
#endif
		fi;
		W.pc = END }
	:: d_step { (W.pc == BEGIN || W.pc == LOADED) && HELD(W.nr, W.fence, RUNNING) &&
			row[W.nr].cancel_requested ->
		SAY("worker %d: sees the cancellation, fence %d\n", _pid, W.fence);
		W.goal = CANCELLED;
		W.pc = END }
	/* Asked to go while the command runs: it kills it, and does not know how far it came. */
	:: d_step { W.pc == LOADED && HELD(W.nr, W.fence, RUNNING) ->
		SAY("worker %d: stops the command, fence %d\n", _pid, W.fence);
#ifdef BUG_GIVE_BACK_EXEC
		move(W.nr, RUNNING, QUEUED);
#else
		move(W.nr, RUNNING, UNKNOWN);
#endif
		leave() }
#endif

	:: d_step { W.pc == END ->
		if
		:: HELD(W.nr, W.fence, RUNNING) && W.goal == FAILED ->
			SAY("worker %d: the run has failed, fence %d\n", _pid, W.fence);
			move(W.nr, RUNNING, FAILED)
		:: HELD(W.nr, W.fence, RUNNING) && W.goal == CANCELLED ->
			SAY("worker %d: the run is cancelled, fence %d\n", _pid, W.fence);
			move(W.nr, RUNNING, CANCELLED)
		:: HELD(W.nr, W.fence, RUNNING) && W.goal == TIMED_OUT ->
			SAY("worker %d: the run has timed out, fence %d\n", _pid, W.fence);
			move(W.nr, RUNNING, TIMED_OUT)
		:: else ->
			SAY("worker %d: is not the one to end it, fence %d\n", _pid, W.fence)
		fi;
		leave() }

	:: d_step { W.pc == FINISH ->
		if
		:: HELD(W.nr, W.fence, RUNNING) ->
			SAY("worker %d: the run has succeeded, fence %d\n", _pid, W.fence);
			move(W.nr, RUNNING, SUCCEEDED)
		:: else ->
			SAY("worker %d: is not the one to finish it, fence %d\n", _pid, W.fence)
		fi;
		leave() }

	:: d_step { W.pc != IDLE && faults > 0 ->
		SAY("worker %d: dies, fence %d\n", _pid, W.fence);
		faults--;
		leave() }
	od
}

/* --- controllers ---------------------------------------------------------------------- */

#define ACTIVE(r) (row[r].state == STARTING || row[r].state == RUNNING)

/* max_active = 1 */
#ifdef TABLE
#define HAS_ROOM(r) (!ACTIVE(1 - r))
#else
#define HAS_ROOM(r) true
#endif

#ifdef BUG_CLAIM_UNCONDITIONAL
#define MAY_CLAIM true
#elif defined(BUG_MAX_ACTIVE_READ)
#define MAY_CLAIM (row[C.nr].state == QUEUED)
#else
#define MAY_CLAIM (row[C.nr].state == QUEUED && HAS_ROOM(C.nr))
#endif

/* Somebody lives who would get on with it. */
#define WORKED_ON(r, i) (w[i].pc != IDLE && w[i].nr == r && w[i].fence == row[r].fence)
#define STARTED_BY(r, i) (c[i].pc == START && c[i].nr == r && c[i].fence == row[r].fence)
#if WORKERS > 2
#define ALIVE(r) (WORKED_ON(r, 0) || WORKED_ON(r, 1) || WORKED_ON(r, 2) || \
	STARTED_BY(r, 0) || STARTED_BY(r, 1))
#define FREE_SLOT (w[0].pc == IDLE -> 0 : (w[1].pc == IDLE -> 1 : 2))
#define HAS_SLOT (w[0].pc == IDLE || w[1].pc == IDLE || w[2].pc == IDLE)
#else
#define ALIVE(r) (WORKED_ON(r, 0) || WORKED_ON(r, 1) || STARTED_BY(r, 0) || STARTED_BY(r, 1))
#define FREE_SLOT (w[0].pc == IDLE -> 0 : 1)
#define HAS_SLOT (w[0].pc == IDLE || w[1].pc == IDLE)
#endif

inline copy_controller(to, from)
{
	to.pc = from.pc;
	to.fence = from.fence;
	to.nr = from.nr;
	to.state = from.state;
	to.goal = from.goal
}

/* What it did is done, or it has crashed: it remembers nothing. */
inline forget()
{
	if
	:: _pid == WORKERS -> copy_controller(c[0], c[1])
	:: else
	fi;
	c[1].pc = IDLE;
	c[1].fence = 0;
	c[1].nr = 0;
	c[1].state = NONE;
	c[1].goal = NONE
}

inline start_worker()
{
	w[FREE_SLOT].fence = C.fence;
	w[FREE_SLOT].nr = C.nr;
	w[FREE_SLOT].goal = C.goal;
#ifdef JOB_EDITED
	w[FREE_SLOT].target = row[C.nr].target;
#endif
	w[FREE_SLOT].pc = TAKE /* the last: the slot is free until here */
}

inline see_ready(r)
{
	C.nr = r;
	C.pc = CLAIM
}

/* What becomes of a run whose worker is gone: an end, if one is wanted, or another attempt. The
 * counting of attempts and disruptions is left open: each answer is tried where it may be given. */
inline see_lost(r)
{
	d_step {
		if
		:: ALIVE(r) -> faults--
		:: else
		fi;
		C.nr = r;
		C.fence = row[r].fence;
		C.state = row[r].state;
		C.pc = EXPIRE
	}
	if
	:: row[r].settle != NONE -> C.goal = row[r].settle
	:: else ->
		if
		:: row[r].cancel_requested -> C.goal = CANCELLED
		:: else ->
			if
			:: row[r].fence < ATTEMPTS -> skip
			:: C.goal = FAILED
#ifdef TIMEOUTS
			:: C.goal = TIMED_OUT
#endif
			fi
		fi
	fi
}

#ifdef BUG_EXPIRE_ANY_STATE
#define STILL_LOST (row[C.nr].fence == C.fence && ACTIVE(C.nr))
#else
#define STILL_LOST HELD(C.nr, C.fence, C.state)
#endif

active [CONTROLLERS] proctype controller()
{
end:	do
	:: d_step { NEXT_CONTROLLER && row[0].state == QUEUED && HAS_ROOM(0) -> see_ready(0) }
#if RUNS > 1
	:: d_step { NEXT_CONTROLLER && row[1].state == QUEUED && HAS_ROOM(1) -> see_ready(1) }
#endif
	:: d_step { C.pc == CLAIM ->
		if
		:: MAY_CLAIM ->
#if defined(JOB_EDITED) && defined(BUG_TARGET_NOT_PINNED)
			row[C.nr].target = target;
#elif defined(JOB_EDITED)
			/* the first claim decides for all attempts */
			row[C.nr].target = (row[C.nr].fence == 0 -> target : row[C.nr].target);
#endif
#ifndef BUG_CLAIM_KEEPS_FENCE
			row[C.nr].fence++;
#endif
			SAY("controller %d: claims, fence %d\n", _pid, row[C.nr].fence);
#ifdef BUG_CLAIM_UNCONDITIONAL
			MUST("an end is for ever", !AT_REST(C.nr));
			row[C.nr].state = STARTING;
#else
			move(C.nr, QUEUED, STARTING);
#endif
			C.fence = row[C.nr].fence;
			C.goal = row[C.nr].settle;
			C.pc = START
		:: else ->
			SAY("controller %d: somebody was faster\n", _pid);
			forget()
		fi;
#ifdef TABLE
		MUST("one run of the job at a time", !(ACTIVE(0) && ACTIVE(1)))
#endif
		}
	:: d_step { C.pc == START && HAS_SLOT ->
		SAY("controller %d: starts a worker, fence %d\n", _pid, C.fence);
		start_worker();
		forget() }
	:: d_step { C.pc == START && HAS_SLOT && faults > 0 ->
		SAY("controller %d: starts a worker, fence %d, and believes that it did not\n", _pid,
			C.fence);
		faults--;
		start_worker() }

#ifndef BUG_NOBODY_EXPIRES
	:: atomic { NEXT_CONTROLLER && ACTIVE(0) && (faults > 0 || !ALIVE(0)) -> see_lost(0) }
#if RUNS > 1
	:: atomic { NEXT_CONTROLLER && ACTIVE(1) && (faults > 0 || !ALIVE(1)) -> see_lost(1) }
#endif
#endif
	:: d_step { C.pc == EXPIRE ->
		if
#ifdef EXEC
		:: STILL_LOST && C.state == RUNNING ->
			SAY("controller %d: nobody knows how far it came, fence %d\n", _pid, C.fence);
			move(C.nr, RUNNING, UNKNOWN)
#else
		:: STILL_LOST && C.state == RUNNING ->
			SAY("controller %d: takes it from its worker, fence %d\n", _pid, C.fence);
			move(C.nr, RUNNING, QUEUED);
			row[C.nr].settle = C.goal
#endif
		:: STILL_LOST && C.state == STARTING ->
			SAY("controller %d: its worker never came, fence %d\n", _pid, C.fence);
#ifdef BUG_EXPIRE_ANY_STATE
			row[C.nr].state = QUEUED;
			check(C.nr);
#else
			move(C.nr, STARTING, QUEUED);
#endif
			row[C.nr].settle = C.goal
		:: else ->
			SAY("controller %d: it is not lost any more, fence %d\n", _pid, C.fence)
		fi;
		forget() }

	:: d_step { C.pc != IDLE && faults > 0 ->
		SAY("controller %d: dies\n", _pid);
		faults--;
		forget() }
	od
}

/* --- the world around them ---------------------------------------------------------------- */

inline cancel(r)
{
	may_cancel = 0;
	asked[r] = 1;
	if
#ifdef BUG_CANCEL_CLAIMED_AT_ONCE
	:: row[r].state == QUEUED ->
#else
	:: row[r].state == QUEUED && row[r].fence == 0 ->
#endif
		SAY("person: cancels what never started, run %d\n", r);
		move(r, QUEUED, CANCELLED)
	:: row[r].state == QUEUED && row[r].fence > 0 ->
		SAY("person: cancels what waits for its next attempt, run %d\n", r);
		row[r].settle = CANCELLED
	:: else ->
		SAY("person: asks the worker to cancel, run %d\n", r);
		row[r].cancel_requested = 1
	fi
}

/* The target's server ends a transaction whose client has heard nothing. */
inline end_transaction(r, l)
{
	if
	:: d_step {
		SAY("server: commits, fence %d\n", ledger[l].in_flight);
		commit(r, l, ledger[l].in_flight, 1) }
	:: SAY("server: rolls back, fence %d\n", ledger[l].in_flight)
	fi;
	ledger[l].in_flight = 0
}

active proctype world()
{
end:	do
	:: d_step { may_cancel && !AT_REST(0) -> cancel(0) }
#if RUNS > 1
	:: d_step { may_cancel && !AT_REST(1) -> cancel(1) }
#endif

	:: atomic { !UNLOCKED(0) -> end_transaction(0, 0) }
#if LEDGERS > 1
	:: atomic { !UNLOCKED(1) -> end_transaction(RUNS - 1, 1) }
#endif

	/* From now on nothing happens any more that need not. */
	:: d_step { faults > 0 || may_cancel -> faults = 0; may_cancel = 0 }

#ifdef RESTORE
	/* A copy of the store takes the store's place. Workers and controllers do not notice. */
	:: d_step { !copied && !restored ->
		copied = 1;
		copy_row(copy, row[0]) }
	:: d_step { copied ->
		SAY("operator: restores the store from a copy of fence %d\n", copy.fence);
		copied = 0;
		restored = 1;
		copy_row(row[0], copy);
		copy.state = ABSENT;
		copy.fence = 0;
		copy.settle = NONE;
		copy.cancel_requested = 0;
#ifdef RECOVER
		if
		:: !AT_REST(0) && row[0].fence < ledger[0].fence -> row[0].fence = ledger[0].fence
		:: !AT_REST(0) && row[0].fence == 0 && ledger[0].fence == 0 -> row[0].fence = 1
		:: else
		fi
#endif
		}
#endif

#ifdef COPIED
	:: d_step { row[0].state == ABSENT -> row[0].state = QUEUED }
	:: d_step { row[0].state != ABSENT && !restored ->
		SAY("operator: starts a second store from a copy of fence %d\n", row[0].fence);
		restored = 1;
		copy_row(row[1], row[0]) }
#endif

#ifdef SAME_ORDER
	/* The key of an order is unique in the store. */
	:: d_step { row[0].state == ABSENT && !restored ->
		SAY("scheduler: orders run %d\n", 0);
		row[0].state = QUEUED }
#ifdef BUG_NO_ORDER_KEY_IN_STORE
	:: d_step { row[1].state == ABSENT ->
#else
	:: d_step { row[1].state == ABSENT && row[0].state == ABSENT && restored ->
#endif
		SAY("scheduler: orders run %d\n", 1);
		row[1].state = QUEUED;
		MUST("one run an order", row[0].state == ABSENT) }
	/* A copy from before the order takes the store's place. */
	:: d_step { row[0].state != ABSENT && !restored ->
		SAY("operator: restores the store from a copy without run %d\n", 0);
		restored = 1;
		row[0].state = ABSENT;
		row[0].fence = 0;
		row[0].settle = NONE;
		row[0].cancel_requested = 0 }
#endif

#ifdef JOB_EDITED
	:: d_step { target == 0 ->
		SAY("person: gives the job the target %d\n", 1);
		target = 1 }
#endif
	od
}

/* What is so once nothing can happen any more. */
active proctype rest()
{
	timeout ->
	check_at_rest(0);
#if RUNS > 1
	check_at_rest(1);
#endif
	MUST("no transaction hangs", UNLOCKED(0) && UNLOCKED(LEDGERS - 1));
	MUST("no worker hangs", w[0].pc == IDLE);
	MUST("no controller hangs", c[0].pc == IDLE)
}
