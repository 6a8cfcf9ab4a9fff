#include "tests/tdsd/bulk.h"

#include <string.h>

#include "tds/scan.h"
#include "tests/tdsd/inject.h"
#include "tests/tdsd/reply.h"
#include "tests/tdsd/result.h"
#include "tests/tdsd/sink.h"

#define PENDING_MAX       (1u << 30) /* a row */
#define PART_BYTES        (1u << 20) /* of a row, from which on a sink takes it in parts */
#define COLUMNS_BYTES_MAX (4u << 20)

enum state {
	COLUMNS, /* the column list is not complete */
	ROWS,
	END, /* DONE was there */
};

struct bulk {
	struct conn *c;
	struct reply r;
	struct sink_load sink; /* where it is one */
	bool counts;           /* it is, or a table of schema tdsd_sink */
	enum state state;
	struct buf pending; /* what came and is not taken */
	size_t taken;       /* of it */
	struct tds_columns columns;
	struct tds_plan *plan;
	struct tds_scan scan;
	size_t scanned; /* bytes of the row in work that the scan has seen */
	bool failed;    /* the engine takes no more */
	uint64_t rows;
	struct fault fault; /* its error comes at row fault.row, or at one that has fault.has; else none */
	bool refused;	    /* it came */
};

/* 1: taken; 0: more is needed. */
static int take_columns(struct bulk *l, struct err *err)
{
	struct bytes b = {.p = (uint8_t *)l->pending.data + l->taken};
	bool at_end = l->c->wire.in_status & WIRE_EOM;
	struct err cut = ERR_INIT;
	unsigned token;

	b.end = (uint8_t *)l->pending.data + l->pending.len;
	token = (unsigned)bytes_number(&b, 1);
	if (!b.cut && token != TOKEN_COLMETADATA)
		return err_set(err, ERR_DATA, "a bulk load begins with token 0x%02x", token);
	if (result_take_bulk_columns(&b, l->c->level, &l->c->scratch, &l->columns, &cut) < 0) {
		if (!at_end && l->pending.len <= COLUMNS_BYTES_MAX)
			return 0;
		*err = cut;
		return -1;
	}
	l->taken = (size_t)(b.p - (uint8_t *)l->pending.data);
	l->plan = tds_plan_new(&l->columns);
	l->state = ROWS;
	if (!l->c->sink &&
		session_bulk_columns(l->c->session, &l->columns, &reply_functions, &l->r) < 0)
		l->failed = true;
	if (!inject_ask(l->c, STAGE_LOAD, FAULT_ERROR, &l->fault))
		l->fault.row = l->fault.has[0] = 0;
	l->counts = l->c->sink || session_bulk_counts(l->c->session);
	if (l->counts)
		sink_begin(&l->sink, l->c->sink, &l->columns);
	return 1;
}

static void give_row(struct bulk *l, const uint8_t *row, size_t len)
{
	const struct fault *f = &l->fault;

	l->rows++;
	l->refused |= f->row && l->rows >= (uint64_t)f->row;
	l->refused |= f->has[0] && memmem(row, len, f->has, strlen(f->has));
	if (l->failed || l->refused)
		return;
	if (l->counts)
		sink_row(&l->sink, row, len);
	else if (session_bulk_row(l->c->session, row, len, &reply_functions, &l->r) < 0)
		l->failed = true;
}

static int take_done(struct bulk *l)
{
	size_t size = l->c->level < TDS_7_2 ? 9 : 13;

	if (l->pending.len - l->taken < size)
		return 0;
	l->taken += size;
	l->state = END;
	return 1;
}

/* 1: the row ended. A row that began so is not scanned: the sink knows where it ends. */
static int take_part(struct bulk *l, const uint8_t *row, size_t have)
{
	bool end;
	size_t used = sink_part(&l->sink, row, have, &end);

	l->taken += used;
	l->scanned = 0;
	if (end)
		l->scan = (struct tds_scan){0};
	return end;
}

static int take_row(struct bulk *l, struct err *err)
{
	const uint8_t *row = (uint8_t *)l->pending.data + l->taken;
	size_t have = l->pending.len - l->taken, used;
	int got;

	if (have == 0)
		return 0;
	if (l->counts && (l->sink.open || l->scanned > PART_BYTES))
		return take_part(l, row, have);
	if (l->scanned == 0 && row[0] == TOKEN_DONE)
		return take_done(l);
	if (l->scanned == 0 && row[0] != TOKEN_ROW)
		return err_set(err, ERR_DATA, "token 0x%02x among the rows of a bulk load", row[0]);
	got = tds_scan_row(l->plan, &l->scan, row + l->scanned, have - l->scanned, &used, err);
	if (got < 0)
		return -1;
	if (got == 0) {
		l->scanned = have;
		return 0;
	}
	used += l->scanned;
	give_row(l, row, used);
	l->taken += used;
	l->scanned = 0;
	return 1;
}

static int take(struct bulk *l, struct err *err)
{
	int got;

	do {
		if (l->state == END && l->taken < l->pending.len)
			return err_set(err, ERR_DATA, "something behind the end of a bulk load");
		got = l->state == COLUMNS ? take_columns(l, err)
		      : l->state == ROWS  ? take_row(l, err)
					  : 0;
	} while (got > 0);
	if (got < 0)
		return -1;
	/* what is left goes to the front */
	if (l->taken) {
		memmove(l->pending.data, l->pending.data + l->taken, l->pending.len - l->taken);
		l->pending.len -= l->taken;
		l->taken = 0;
	}
	return 0;
}

/* 1: to its end; 0: the client is gone. */
static int read_all(struct bulk *l, bool *ret_ignore, struct err *err)
{
	struct wire *w = &l->c->wire;

	for (;;) {
		int got;

		if (!(w->in_status & WIRE_IGNORE)) {
			buf_add(&l->pending, wire_payload(w), wire_payload_len(w));
			if (buf_check(&l->pending, "a row", err) < 0 || take(l, err) < 0)
				return -1;
		}
		if (w->in_status & WIRE_EOM)
			break;
		got = wire_packet(w, err);
		if (got <= 0)
			return got;
		if (w->in_type != WIRE_BULK)
			return err_set(err, ERR_DATA, "a packet of type 0x%02x within a bulk load",
				w->in_type);
	}
	*ret_ignore = w->in_status & WIRE_IGNORE;
	return 1;
}

static int finish(struct bulk *l, bool ignore, struct err *err)
{
	struct conn *c = l->c;

	if (!ignore && (l->state == COLUMNS || l->pending.len || l->sink.open))
		return err_set(err, ERR_DATA, "a bulk load ends within %s",
			l->state == COLUMNS ? "its columns" : "a row");
	c->entry->ignored += ignore;
	/* the text is still that of INSERT BULK */
	if (!ignore && inject_statement(&l->r, "load", arena_strdup(&c->scratch, c->text)))
		ignore = true;
	if (!ignore && l->refused) {
		inject_error(&l->r, &l->fault);
		ignore = true;
	}
	if (c->sink)
		sink_end(&l->sink, ignore, &l->r);
	else if (session_bulk_counts(c->session) && l->counts)
		session_bulk_counted(c->session, l->sink.rows, l->sink.bytes, l->sink.hash);
	if (!c->sink && session_bulk_end(c->session, ignore || l->failed, &reply_functions, &l->r) < 0)
		l->r.cancelled = true;
	if (ignore)
		l->r.failed = true;
	return reply_end(&l->r) ? 1 : 0;
}

int bulk_run(struct conn *c, struct err *err)
{
	struct bulk l = {.c = c, .pending = BUF_INIT(PENDING_MAX)};
	bool ignore = false;
	int ok;

	if (!c->sink && !session_wants_bulk(c->session))
		return err_set(err, ERR_DATA, "a bulk load that no INSERT BULK announced");
	c->entry->loads++;
	reply_begin(&l.r, c, false);
	l.r.reads = true;
	ok = read_all(&l, &ignore, err);
	l.r.reads = false;
	if (ok > 0)
		ok = finish(&l, ignore, err);
	else if (!c->sink && session_bulk_end(c->session, true, &reply_functions, &l.r) < 0)
		ok = ok < 0 ? ok : 0;
	sink_release(&l.sink);
	c->sink = NULL;
	tds_plan_free(l.plan);
	buf_release(&l.pending);
	return ok;
}
