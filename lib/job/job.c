#include "job/job.h"

#include <string.h>

#include "base/text.h"

static const char *const kinds[] = {[JOB_COPY] = "copy", NULL};
static const char *const modes[] = {[LOAD_REPLACE] = "replace", [LOAD_APPEND] = "append", NULL};

#define AT(field) offsetof(struct job, field)

const struct option job_options[] = {
	{"kind", OPT_ENUM, AT(kind), "copy", "what the job does: copy moves a table",
		.choices = kinds},
	{"enabled", OPT_BOOL, AT(enabled), "yes", "no: the job is not started"},
	{"source", OPT_TEXT, AT(source), NULL, "the connection to read from", .required = true},
	{"source_table", OPT_TEXT, AT(source_table), NULL,
		"the table; of a CSV connection: the file, '.csv' may be left out",
		.required = true},
	{"target", OPT_TEXT, AT(target), NULL, "the connection to write to", .required = true},
	{"target_table", OPT_TEXT, AT(target_table), NULL, "the table to load", .required = true},
	{"load_mode", OPT_ENUM, AT(load_mode), "append",
		"append adds the rows; replace puts them in the place of all others",
		.choices = modes},
	{"create", OPT_BOOL, AT(create), "yes",
		"make the target table from the source's columns when there is none"},
	{"columns", OPT_TEXT, AT(columns), NULL,
		"types of source columns: 'year int, price decimal(18,2) not null'; the others are "
		"inferred"},
	{"min_rows", OPT_INT, AT(min_rows), "1",
		"replace refuses to empty a table for fewer rows than this", .min = 0,
		.max = INT64_MAX},
	{"max_attempts", OPT_INT, AT(max_attempts), "1", "attempts before a run has failed",
		.min = 1, .max = 1000},
	{"retry_delay", OPT_DURATION, AT(retry_delay), "30s", "between two attempts", .min = 0,
		.max = 86400000},
};

static const struct option_set job_sets[] = {
	{.v = job_options, .n = ARRAY_LEN(job_options)},
	{.v = csv_format_options, .n = N_CSV_FORMAT_OPTIONS, .offset = AT(format), .overrides = true},
};
const struct option_set *const job_option_sets = job_sets;
const size_t n_job_option_sets = ARRAY_LEN(job_sets);

static int check_name(const char *name, struct err *err)
{
	int64_t number;

	if (!*name)
		return err_set(err, ERR_CONFIG, "[job] needs a name: [job NAME]");
	if (strlen(name) > JOB_NAME_MAX)
		return err_set(err, ERR_CONFIG, "the job's name is longer than %d bytes",
			JOB_NAME_MAX);
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ')
			return err_set(err, ERR_CONFIG, "a control character in the job's name");
	if (text_parse_int(name, &number) == 0) {
		err_set(err, ERR_CONFIG, "job name '%s' is a number", name);
		return err_hint(err, "--job takes numbers and names: give it at least one letter");
	}
	return 0;
}

static bool has_key(const struct config_section *s, const char *key)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].key, key) == 0)
			return true;
	return false;
}

/* The job's entries and those of [defaults] that it does not have; each keeps its line. */
static struct config_section with_defaults(const struct config_section *job,
	const struct config_section *defaults, struct arena *a)
{
	struct config_section merged = *job;

	merged.v = arena_array(a, job->n + defaults->n, sizeof(*merged.v));
	if (job->n)
		memcpy(merged.v, job->v, job->n * sizeof(*merged.v));
	for (size_t i = 0; i < defaults->n; i++)
		if (!has_key(job, defaults->v[i].key))
			merged.v[merged.n++] = defaults->v[i];
	return merged;
}

/* Another kind of section is refused here; *ret_defaults is empty where there is none. */
static int find_defaults(const struct config_file *file, struct config_section *ret_defaults,
	struct err *err)
{
	static const char *const known[] = {"job", "defaults"};

	*ret_defaults = (struct config_section){.kind = "defaults"};
	for (size_t i = 0; i < file->n; i++) {
		const struct config_section *s = &file->v[i];

		if (strcmp(s->kind, "job") == 0)
			continue;
		if (strcmp(s->kind, "defaults") != 0)
			return config_unknown(file, s->line, "section", s->kind, known,
				ARRAY_LEN(known), err);
		if (*s->name) {
			err_set(err, ERR_CONFIG, "[defaults %s]: this section has no name", s->name);
			return err_wrap(err, "%s:%d", file->path, s->line);
		}
		*ret_defaults = *s;
	}
	return 0;
}

static int read_job(const struct config_file *file, const struct config_section *section,
	const struct config_section *defaults, struct arena *a, struct job *job, struct err *err)
{
	struct config_section merged = with_defaults(section, defaults, a);

	if (check_name(section->name, err))
		return err_wrap(err, "%s:%d", file->path, section->line);
	job->name = section->name;
	return config_apply(file, &merged, job_option_sets, n_job_option_sets, a, job, err);
}

int jobs_parse(const struct config_file *file, struct arena *a, struct job **ret_jobs,
	size_t *ret_n, struct err *err)
{
	struct job *jobs = arena_array(a, file->n, sizeof(*jobs));
	struct config_section defaults;
	size_t n = 0;

	if (find_defaults(file, &defaults, err))
		return -1;
	for (size_t i = 0; i < file->n; i++)
		if (strcmp(file->v[i].kind, "job") == 0 &&
			read_job(file, &file->v[i], &defaults, a, &jobs[n++], err))
			return -1;
	if (n == 0)
		return err_set(err, ERR_CONFIG, "'%s' has no [job NAME] section", file->path);
	*ret_jobs = jobs;
	*ret_n = n;
	return 0;
}

const char *job_kind_name(enum job_kind kind)
{
	return kinds[kind];
}

const char *load_mode_name(enum load_mode mode)
{
	return modes[mode];
}
