#include "unit/tdsd/support/pairs.h"

#include <stdlib.h>
#include <string.h>

int pairs_setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	struct err err = ERR_INIT;

	if (dir_make(state))
		return -1;
	f->e = asked_engine();
	must(engine_create_database(f->e, "db", &err), &err);
	asked_open(&f->a, f->e, "db", SPID);
	*state = f;
	return 0;
}

int pairs_teardown(void **state)
{
	struct fixture *f = *state;

	asked_close(&f->a);
	engine_close(f->e);
	free(f);
	return dir_remove(state);
}

void check_pairs(struct fixture *f, const struct pair *v, size_t n)
{
	size_t wrong = 0;

	f->a.counts = false;
	for (size_t i = 0; i < n; i++) {
		const char *answer = ask(&f->a, v[i].sql);

		if (strcmp(answer, v[i].answer) == 0)
			continue;
		print_error("%s\n--- expected\n%s--- got\n%s\n", v[i].sql, v[i].answer, answer);
		wrong++;
	}
	if (wrong)
		fail_msg("%zu answers are wrong", wrong);
}
