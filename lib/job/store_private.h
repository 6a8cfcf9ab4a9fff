/*
 * store_private - what the files behind store.h, queue.h and report.h share.
 */
#ifndef JOB_STORE_PRIVATE_H
#define JOB_STORE_PRIVATE_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "db/db.h"
#include "job/statements.h"

struct store {
	struct db *db;
	struct statements stmts;
	struct arena arena;
	const char *uid;
	const char *name; /* for messages */
	const char *path; /* NULL: it is no file */
	dev_t device;     /* of the file that was opened */
	ino_t inode;
};

/* In etl_meta: the store that this one has become. Nobody opens it any more. */
#define STORE_MOVED_TO "moved_to"

/* The database as the store's settings have it, whatever is in it. */
struct settings;
MUST_CHECK int store_connect(const struct settings *settings, bool create, struct db **ret_db,
	struct err *err);

/* Messages quote raw input and may be long: whole characters, at most STORE_MESSAGE_MAX bytes. NULL
 * stays NULL; the text is in `out`, which may hold CLEAN_MAX. */
const char *store_clean(const char *message, struct buf *out);

/* U+FFFD has three bytes. */
#define STORE_CLEAN_MAX (3 * STORE_MESSAGE_MAX)

#endif
