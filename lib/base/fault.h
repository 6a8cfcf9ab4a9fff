/*
 * fault - named points at which a test makes the program die, fail or stall.
 *
 * Compiled in by `make FAULT=1` only (build/etl-fault); in the product FAULT() is
 * 0 and nothing of this is there. Obeys
 *
 *	ETL_FAULT=NAME:N:ACTION[,NAME:N:ACTION …]	ETL_FAULT_DIR=DIRECTORY
 *
 * At the Nth time that any process comes to the point, counted in a file of its
 * name in the directory, the action is done once: `kill` ends the process as
 * SIGKILL does, `err` makes the step fail (behind a commit: its reply is lost),
 * `stall` holds it for ETL_FAULT_STALL ms (3000), so that others take it for dead.
 * The directory shows afterwards which points were come to.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include "base/err.h"

/*	point			error	where */
#define FAULTS(X)                                                                                  \
	/* at the store */                                                                         \
	X(ORDER_COMMITTED, STORE)    /* a run was ordered, nobody was woken */                     \
	X(CLAIM_BEFORE, STORE)	     /* runs are claimed, not committed */                         \
	X(CLAIM_COMMITTED, STORE)    /* and committed */                                           \
	X(TAKE_BEFORE, STORE)	     /* the worker is there, its run is still starting */          \
	X(TAKE_COMMITTED, STORE)     /* its run is running */                                      \
	X(RENEWED, STORE)	     /* the lease was renewed */                                   \
	X(END_BEFORE, STORE)	     /* a run is to be moved to its end */                         \
	X(END_COMMITTED, STORE)	     /* it was */                                                  \
	X(REQUEUE_BEFORE, STORE)     /* a run is to go back to the queue */                        \
	X(REQUEUE_COMMITTED, STORE)  /* it did */                                                  \
	/* the controller */                                                                       \
	X(ROUND_BEGUN, STORE)	     /* nothing of the round is done */                            \
	X(START_BEFORE, IO)	     /* a worker is to be started */                               \
	X(START_DONE, NONE)	     /* it was, and the store does not know */                     \
	X(WORKER_ENDED, NONE)	     /* its end was seen, and the store does not know */           \
	/* the target */                                                                           \
	X(LEDGER_BEGIN, TARGET)	     /* the ledger row is to be opened */                          \
	X(LEDGER_BEGUN, TARGET)	     /* it is */                                                   \
	X(BATCH_STAGED, TARGET)	     /* some rows are staged */                                    \
	X(DIGEST, TARGET)	     /* `err`: what is read back is not what was written */        \
	X(STAGED, TARGET)	     /* all are, and verified */                                   \
	X(PUBLISH_BEGUN, TARGET)     /* the ledger row is published, not committed */              \
	X(PUBLISH_MOVED, TARGET)     /* the rows are in the table, not committed */                \
	X(FILE_MARKED, TARGET)	     /* the ledger knows that a file is to be renamed */           \
	X(FILE_RENAMED, TARGET)	     /* it was, and the ledger row is open */                      \
	X(FILE_WITHDRAWN, TARGET)    /* its renaming is prevented, not committed */                \
	X(PUBLISHED, TARGET)	     /* committed: `err` is the lost reply */                      \
	X(POST_BEFORE, TARGET)	     /* published, and what follows it is not done */              \
	X(POST_DONE, TARGET)	     /* it is, and the ledger does not know */                     \
	X(REVOKE, TARGET)	     /* the ledger row is to be revoked */                         \
	X(REVOKED, TARGET)	     /* it is */                                                   \
	X(STATEMENT_DONE, TARGET)    /* a statement of a script that is not atomic */              \
	X(EXEC_STARTED, NONE)	     /* the command runs */                                        \
	X(EXEC_ENDED, NONE)	     /* it has ended */

enum fault {
#define X(point, error) FAULT_##point,
	FAULTS(X)
#undef X
		FAULT_COUNT
};

#ifdef ETL_FAULT_POINTS
/* -1 with an error when the point is to fail; or it does not return. */
int fault_at(enum fault point, struct err *err);
#define FAULT(point, err) (fault_at(FAULT_##point, (err)) != 0)
#else
#define FAULT(point, err) ((void)(err), 0)
#endif

#endif
