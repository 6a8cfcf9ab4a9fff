#include "krb/keeper.h"

#include "krb/refresh.h"

#define LOOK_MS 1000 /* how often the keytab is looked at */
#define CHANCES 1000

struct state {
	struct krb_ticket ticket;
	bool has_ticket;
	unsigned failures;
	int64_t due_ms; /* by the wall clock, for the ticket's end is; 0: now */
	uint64_t version;
};

static unsigned chance(const struct keeper *k)
{
	uint32_t n;

	k->rnd->fill(k->rnd->arg, &n, sizeof(n));
	return n % CHANCES;
}

static void try_it(const struct keeper *k, struct state *s, bool force, struct err *err)
{
	int64_t now;

	s->version = krb_keytab_version(k->options);
	if (krb_obtain(k->options, force, &s->ticket, err) == 0) {
		s->has_ticket = true;
		s->failures = 0;
		s->due_ms = refresh_at(s->ticket.start, s->ticket.end, chance(k)) * 1000;
		now = k->clock->wall(k->clock->arg);
		if (s->due_ms < now + LOOK_MS) /* of a life that is shorter than a second */
			s->due_ms = now + LOOK_MS;
		k->obtained(k->arg, &s->ticket);
		return;
	}
	now = k->clock->wall(k->clock->arg);
	s->due_ms = now + refresh_backoff_ms(++s->failures, chance(k));
	k->failed(k->arg, s->has_ticket && refresh_serves(s->ticket.end, now / 1000) ? &s->ticket : NULL, err);
}

int keeper_run(const struct keeper *k, bool force, struct err *err)
{
	struct state s = {.due_ms = 0};
	bool first = true;

	for (;;) {
		if (k->clock->wall(k->clock->arg) >= s.due_ms || krb_keytab_version(k->options) != s.version) {
			try_it(k, &s, force, err);
			force = false;
			if (first && !s.has_ticket && (err->code == ERR_CONFIG || err->code == ERR_IO))
				return -1;
			err_clear(err);
			first = false;
		}
		if (k->wait(k->arg, LOOK_MS))
			return 0;
	}
}
