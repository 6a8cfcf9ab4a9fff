#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmd.h"
#include "job/job.h"

#define WIDTH 80

/* Words of the text in lines of WIDTH, each indented. */
static void print_wrapped(const char *text, int indent)
{
	int column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column && column + 1 + (int)len > WIDTH) {
			putchar('\n');
			column = 0;
		}
		if (column == 0)
			column = printf("%*s", indent, "");
		else
			column += printf(" ");
		column += printf("%.*s", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static void print_flag(const struct flag *f)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", f->name, f->value ? " " : "",
		f->value ? f->value : "");
	printf("  %-22s %s%s\n", left, f->help, f->required ? " (required)" : "");
}

static void print_synopsis(const struct command *c)
{
	printf("etl %s", c->name);
	for (size_t i = 0; i < c->n_flags; i++) {
		const struct flag *f = &c->flags[i];

		printf(" %s--%s%s%s%s", f->required ? "" : "[", f->name, f->value ? " " : "",
			f->value ? f->value : "", f->required ? "" : "]");
	}
	printf("%s%s\n", c->args ? " " : "", c->args ? c->args : "");
}

void cmd_print_usage(void)
{
	printf("etl moves tables from a source to a warehouse, exactly once.\n\n"
	       "usage: etl [--config FILE] COMMAND …\n\ncommands:\n");
	for (size_t i = 0; i < n_commands; i++)
		printf("  %-12s %s\n", commands[i].name, commands[i].summary);
	printf("\noptions of every command:\n");
	for (size_t i = 0; i < n_global_flags; i++)
		print_flag(&global_flags[i]);
	printf("\n'etl help COMMAND' explains one; 'etl help config' and 'etl help job' list the keys\n"
	       "of etl.ini and of job files.\n\nexit codes:\n");
	for (int code = 0; code <= ERR_EXIT_MAX; code++)
		printf("  %d  %s\n", code, err_exit_meaning(code));
}

void cmd_print_help(const struct command *c)
{
	printf("usage: ");
	print_synopsis(c);
	printf("\n%s\n", c->summary);
	if (c->details) {
		putchar('\n');
		print_wrapped(c->details, 0);
	}
	if (c->n_flags)
		printf("\noptions:\n");
	for (size_t i = 0; i < c->n_flags; i++)
		print_flag(&c->flags[i]);
	printf("\noptions of every command:\n");
	for (size_t i = 0; i < n_global_flags; i++)
		print_flag(&global_flags[i]);
}

static void print_option(const struct option *o, bool overrides)
{
	printf("  %s", o->key);
	if (o->required)
		printf(" (required)");
	else if (o->fallback && !overrides)
		printf(" = %s", *o->fallback ? o->fallback : "(empty)");
	putchar('\n');
	print_wrapped(o->help, 6);
	if (o->choices) {
		printf("      one of");
		for (size_t i = 0; o->choices[i]; i++)
			printf("%s %s", i ? "," : "", o->choices[i]);
		putchar('\n');
	}
}

static void print_sets(const struct option_set *sets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (sets[i].overrides)
			printf("\n  of the CSV connection, for this job only:\n");
		for (size_t j = 0; j < sets[i].n; j++)
			print_option(&sets[i].v[j], sets[i].overrides);
	}
}

static void print_config_help(void)
{
	printf("etl.ini: 'key = value' in sections. Paths are relative to the file; ${NAME} is taken\n"
	       "from the environment; '; ' begins a comment; indented lines continue a value.\n"
	       "Durations: 500ms, 5s, 10m, 2h. Sizes: 4096, 64KiB, 16MiB.\n");
	for (size_t i = 0; i < n_settings_sections; i++) {
		const struct settings_section *s = &settings_sections[i];

		printf("\n[%s%s]%s%s  %s\n", s->kind, s->driver ? " NAME" : "",
			s->driver ? " driver = " : "", s->driver ? s->driver : "", s->help);
		print_sets(s->sets, s->n_sets);
	}
}

static void print_job_help(void)
{
	printf("[job NAME]: one section per job, in a file for 'etl apply'. A [defaults] section takes the\n"
	       "same keys and holds for every job of the file that does not set them.\n\n");
	print_sets(job_option_sets, N_JOB_OPTION_SETS);
}

/* roff: a '-' that is to be typed is \-, a line must not begin with a dot or quote. */
static void print_roff(const char *text)
{
	if (*text == '.' || *text == '\'')
		printf("\\&");
	for (; *text; text++)
		if (*text == '-')
			printf("\\-");
		else if (*text == '\\')
			printf("\\e");
		else
			putchar(*text);
}

static void print_roff_flag(const struct flag *f)
{
	printf(".TP\n.B ");
	print_roff("--");
	print_roff(f->name);
	if (f->value)
		printf(" \\fI%s\\fR", f->value);
	putchar('\n');
	print_roff(f->help);
	putchar('\n');
}

static void print_man_command(const struct command *c)
{
	printf(".SS ");
	print_synopsis(c);
	print_roff(c->details ? c->details : c->summary);
	printf("\n");
	for (size_t i = 0; i < c->n_flags; i++)
		print_roff_flag(&c->flags[i]);
}

static void print_man(void)
{
	printf(".\\\" made by 'etl help --man'; 'make man' writes it\n"
	       ".TH ETL 1\n.SH NAME\netl \\- move tables from a source to a warehouse, exactly once\n"
	       ".SH SYNOPSIS\n.B etl\n[\\fB\\-\\-config\\fR \\fIFILE\\fR] \\fICOMMAND\\fR \\&...\n"
	       ".SH COMMANDS\n");
	for (size_t i = 0; i < n_commands; i++)
		print_man_command(&commands[i]);
	printf(".SH OPTIONS\nOf every command.\n");
	for (size_t i = 0; i < n_global_flags; i++)
		print_roff_flag(&global_flags[i]);
	printf(".SH EXIT STATUS\n");
	for (int code = 0; code <= ERR_EXIT_MAX; code++)
		printf(".TP\n.B %d\n%s\n", code, err_exit_meaning(code));
	printf(".SH FILES\n\\&./etl.ini, /etc/etl/etl.ini: see 'etl help config'\n");
}

static int unknown_topic(const char *name, struct err *err)
{
	const char *known[32], *near;
	size_t n = 0;

	for (; n < n_commands; n++)
		known[n] = commands[n].name;
	known[n++] = "config";
	known[n++] = "job";
	near = text_nearest(name, known, n);
	err_set(err, ERR_USAGE, "no help on '%s'", name);
	if (near)
		return err_suggest(err, near);
	return err_hint(err, "'etl help' lists the commands");
}

int cmd_help(struct invocation *in, struct err *err)
{
	const char *topic = in->args[0];

	if (cmd_flag(in, "man"))
		print_man();
	else if (!topic)
		cmd_print_usage();
	else if (strcmp(topic, "config") == 0)
		print_config_help();
	else if (strcmp(topic, "job") == 0)
		print_job_help();
	else if (cmd_find(topic))
		cmd_print_help(cmd_find(topic));
	else
		return unknown_topic(topic, err);
	return 0;
}
