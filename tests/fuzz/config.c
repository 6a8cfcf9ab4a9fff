/*
 * Any bytes as etl.ini and as a file of jobs. What they give is printed and
 * read back, and must be the same.
 */
#include "base/config.h"
#include "base/settings.h"
#include "job/job.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const char *a, const char *b)
{
	if (!a != !b || (a && strcmp(a, b) != 0))
		abort();
}

/* Every option of a struct that was read; `back` is a struct of the same kind. */
static void print_and_read(
	const struct option_set *sets, size_t n, const void *base, void *back, struct arena *a)
{
	for (size_t s = 0; s < n; s++)
		for (size_t i = 0; i < sets[s].n; i++) {
			const struct option *o = &sets[s].v[i];
			const char *text = config_print(o, (const char *)base + sets[s].offset, a);
			char *to = (char *)back + sets[s].offset;
			struct err err = ERR_INIT;

			if (!text ||
				(sets[s].overrides && o->type == OPT_SIZE && !strcmp(text, "0")))
				continue; /* not set */
			if (config_set(o, text, NULL, a, to, &err))
				abort();
			same(text, config_print(o, to, a));
		}
}

static void check_connection(const struct settings *s, size_t i, struct arena *a)
{
	const struct connection *c = &s->connections[i], *found = NULL;
	struct connection back = {.name = NULL};
	struct err err = ERR_INIT;

	if (settings_connection(s, c->name, "fuzz", &found, &err) || found != c)
		abort();
	for (size_t k = 0; k < n_settings_sections; k++)
		if (settings_sections[k].driver &&
			strcmp(settings_sections[k].driver, driver_name(c->driver)) == 0)
			print_and_read(settings_sections[k].sets, settings_sections[k].n_sets, c,
				&back, a);
}

static void check_settings(const struct config_file *file, struct arena *a)
{
	struct settings settings, back = {.file = NULL};
	struct err err = ERR_INIT;

	if (settings_parse(file, a, &settings, &err)) {
		if (err.code != ERR_CONFIG || !err.msg[0])
			abort();
		return;
	}
	for (size_t i = 0; i < n_settings_sections; i++)
		if (!settings_sections[i].driver)
			print_and_read(settings_sections[i].sets, settings_sections[i].n_sets,
				&settings, &back, a);
	for (size_t i = 0; i < settings.n_connections; i++)
		check_connection(&settings, i, a);
}

static void check_jobs(const struct config_file *file, struct arena *a)
{
	struct err err = ERR_INIT;
	struct job *jobs;
	size_t n;

	if (jobs_parse(file, a, &jobs, &n, &err)) {
		if (err.code != ERR_CONFIG || !err.msg[0])
			abort();
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct job back = {.name = NULL};

		print_and_read(job_option_sets, N_JOB_OPTION_SETS, &jobs[i], &back, a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct config_file file = {.path = NULL};
	struct err err = ERR_INIT;

	if (config_parse((const char *)data, size, "conf/etl.ini", &a, &file, &err)) {
		if (err.code != ERR_CONFIG || strncmp(err.msg, "conf/etl.ini:", 13) != 0)
			abort();
		return 0;
	}
	check_settings(&file, &a);
	check_jobs(&file, &a);
	return 0;
}
