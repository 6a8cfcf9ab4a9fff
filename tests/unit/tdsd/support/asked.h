/*
 * asked - the engine asked as the server asks it, its answers as text.
 *
 *	a int!, b varchar(3)	columns; "!": not null
 *	1|abc			rows; NULL is "NULL", bytes 0x…
 *	(1)			done with a count
 *	> text			information (its number before, when it has one)
 *	Msg 208.1 16 line 2: text	error, state, severity
 *	env 8			ENVCHANGE of a transaction; with text "env 1 new<old"
 *	@x int = 5		output parameter
 *	failed			done with an error that no message told
 *
 * Lines end in '\n'. What goes wrong in here fails the test.
 */
#ifndef UNIT_TDSD_ASKED_H
#define UNIT_TDSD_ASKED_H

#include "base/buf.h"
#include "tests/tdsd/engine.h"
#include "unit/support.h"

#define SPID 51

struct asked {
	struct session *s;
	struct buf text;
	struct tds_columns columns;
	struct arena arena; /* of the last answer */
	int cancel_after;   /* questions of cancelled() until it says yes; 0: never */
	int64_t count;      /* of the last DONE with a count, -1: none */
	bool counts;        /* show those of DONE */
};

/* An engine in the directory of dir_make. */
struct engine *asked_engine(void);
void asked_open(struct asked *a, struct engine *e, const char *database, int spid);
void asked_close(struct asked *a);

/* The answer; good until the next question. */
const char *ask(struct asked *a, const char *sql);
const char *ask_with(struct asked *a, const char *sql, const struct engine_param *params, size_t n);
const char *ask_transaction(
	struct asked *a, enum session_transaction what, int isolation, const char *name);

/* A parameter of a type of T-SQL, its value as text; NULL: null. Good as long as the last answer.
 */
struct engine_param param(struct asked *a, const char *name, const char *type, const char *value);

/* INSERT BULK and its rows, "a|b" each; then the end. */
const char *ask_bulk(
	struct asked *a, const char *sql, const char *columns, const char *const *rows, size_t n);
/* The same in two: false, it was refused before its rows. */
bool ask_bulk_rows(
	struct asked *a, const char *sql, const char *columns, const char *const *rows, size_t n);
const char *ask_bulk_end(struct asked *a);

#define check_ask(a, sql, expected) assert_string_equal(ask(a, sql), expected)

#endif
