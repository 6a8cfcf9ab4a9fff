/* Runs in the repository's root: it reads etl.ini.example. */
#include "base/settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "unit/support.h"

#define EXAMPLE "etl.ini.example"

struct fixture {
	struct arena arena;
	struct config_file file;
	struct settings settings;
	struct err err;
};

static int setup(void **state)
{
	*state = mem_alloc(sizeof(struct fixture));
	unsetenv("ETL_CONFIG");
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_release(&f->arena);
	free(f);
	return 0;
}

static int parse(struct fixture *f, const char *text)
{
	must(config_parse(text, strlen(text), "conf/etl.ini", &f->arena, &f->file, &f->err),
		&f->err);
	return settings_parse(&f->file, &f->arena, &f->settings, &f->err);
}

static void check_refused(struct fixture *f, const char *text, const char *msg)
{
	assert_int_equal(parse(f, text), -1);
	check_err(&f->err, ERR_CONFIG, msg);
}

static void check_defaults(const struct settings *s)
{
	assert_int_equal(s->store.driver, DRIVER_SQLITE);
	assert_string_equal(s->store.path, "etl.db");
	assert_int_equal(s->controller.poll, 5000);
	assert_int_equal(s->controller.lease, 60000);
	assert_int_equal(s->controller.max_workers, 4);
	assert_string_equal(s->log.level, "info");
	assert_string_equal(s->log.format, "auto");
}

static void defaults_hold(void **state)
{
	struct fixture *f = *state;

	must(parse(f, ""), &f->err);
	check_defaults(&f->settings);
	assert_string_equal(f->settings.file, "conf/etl.ini");
	assert_int_equal(f->settings.n_connections, 0);
}

static void everything_can_be_said(void **state)
{
	struct fixture *f = *state;
	const struct connection *c;

	must(parse(f, "[store]\ndriver = sqlite\npath = x.db\n"
		      "[controller]\npoll = 100ms\nlease = 2m\nmax_workers = 9\n"
		      "[log]\nlevel = debug\nformat = json\n"
		      "[connection raw]\ndriver = csv\npath = data\ndelimiter = semicolon\n"
		      "null = NULL\nencoding = windows-1252\nmax_field = 1KiB\n"
		      "[connection the warehouse]\npath = /srv/w.db\ndriver = sqlite\n"),
		&f->err);
	assert_string_equal(f->settings.store.path, "conf/x.db");
	assert_int_equal(f->settings.controller.poll, 100);
	assert_int_equal(f->settings.controller.lease, 120000);
	assert_int_equal(f->settings.controller.max_workers, 9);
	assert_string_equal(f->settings.log.level, "debug");
	assert_string_equal(f->settings.log.format, "json");
	assert_int_equal(f->settings.n_connections, 2);
	c = &f->settings.connections[0];
	assert_string_equal(c->name, "raw");
	assert_int_equal(c->driver, DRIVER_CSV);
	assert_string_equal(c->path, "conf/data");
	assert_string_equal(c->format.delimiter, ";");
	assert_string_equal(c->format.null_text, "NULL");
	assert_string_equal(c->format.encoding, "windows-1252");
	assert_int_equal(c->format.max_field, 1024);
	assert_string_equal(c->where, "conf/etl.ini:11");
	c = &f->settings.connections[1];
	assert_string_equal(c->name, "the warehouse");
	assert_int_equal(c->driver, DRIVER_SQLITE);
	assert_string_equal(c->path, "/srv/w.db");
	assert_string_equal(c->where, "conf/etl.ini:18");
}

static void connections_have_defaults(void **state)
{
	struct fixture *f = *state;
	const struct csv_format *format;

	must(parse(f, "[connection raw]\ndriver = csv\npath = data\n"), &f->err);
	format = &f->settings.connections[0].format;
	assert_string_equal(format->delimiter, ",");
	assert_string_equal(format->quote, "\"");
	assert_string_equal(format->escape, "doubled");
	assert_string_equal(format->header, "yes");
	assert_string_equal(format->null_text, "");
	assert_string_equal(format->encoding, "utf-8");
	assert_int_equal(format->max_field, 16 << 20);
}

/* Whoever waits for the store must be able to renew a lease in time. */
static void a_store_is_not_waited_for_longer_than_leases_last(void **state)
{
	static const struct {
		const char *text;
		int64_t lock, query;
	} cases[] = {
		{"", 10000, 20000},
		{"lock_timeout = 0ms\nquery_timeout = 0ms\n[controller]\nlease = 60s\n", 10000, 20000},
		{"lock_timeout = 2s\nquery_timeout = 3s\n", 2000, 3000},
		{"[controller]\nlease = 2s\n", 333, STORE_ANSWER_MIN_MS},
		{"[controller]\nlease = 1h\n", 60000, 1200000},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_release) struct buf text = BUF_INIT(4096);

		buf_printf(&text, "[store]\ndriver = mssql\nserver = x\ndatabase = y\n%s",
			cases[i].text);
		must(parse(f, buf_str(&text)), &f->err);
		assert_int_equal(f->settings.store.mssql.lock_timeout, cases[i].lock);
		assert_int_equal(f->settings.store.mssql.query_timeout, cases[i].query);
	}
}

static void mistakes_are_refused_with_their_place(void **state)
{
	struct fixture *f = *state;

	check_refused(
		f, "\n[stor]\n", "conf/etl.ini:2: unknown section 'stor', did you mean 'store'?");
	check_refused(f, "[xyzzy]\n", "conf/etl.ini:1: unknown section 'xyzzy'");
	check_refused(f, "[store x]\n", "conf/etl.ini:1: [store x]: this section has no name");
	check_refused(f, "[store]\npth = x\n",
		"conf/etl.ini:2: unknown key in [store]: 'pth', did you mean 'path'?");
	check_refused(f, "[store]\ndriver = mssql\nserver = x\n",
		"conf/etl.ini: [store] driver = mssql needs 'server' and 'database'");
	check_refused(f, "[store]\ndriver = csv\n",
		"conf/etl.ini:2: 'driver': 'csv' is not one of sqlite, mssql");
	check_refused(
		f, "[controller]\npoll = 9ms\n", "conf/etl.ini:2: 'poll': '9ms' is less than 10ms");
	check_refused(
		f, "[controller]\nlease = 2d\n", "conf/etl.ini:2: 'lease': '2d' is more than 1d");
	check_refused(f, "[log]\nlevel = loud\n",
		"conf/etl.ini:2: 'level': 'loud' is not one of error, warn, info, debug");
}

static void connections_are_checked_by_their_driver(void **state)
{
	struct fixture *f = *state;

	check_refused(f, "[connection]\ndriver = csv\n",
		"conf/etl.ini:1: [connection] needs a name: [connection NAME]");
	check_refused(
		f, "[connection a]\npath = x\n", "conf/etl.ini:1: [connection a] needs 'driver'");
	assert_string_equal(f->err.hint, "driver = csv, driver = mssql or driver = sqlite");
	check_refused(f, "[connection a]\ndriver = sqlit\n",
		"conf/etl.ini:2: 'driver': 'sqlit' is not one of sqlite, mssql, csv, did you mean "
		"'sqlite'?");
	check_refused(
		f, "[connection a]\ndriver = csv\n", "conf/etl.ini:1: [connection a] needs 'path'");
	assert_string_equal(f->err.hint, "path: the directory of the files, or one file; -: standard input of a worker in "
		"the foreground");
	check_refused(f, "[connection a]\ndriver = sqlite\npath = x\ndelimiter = ,\n",
		"conf/etl.ini:4: unknown key in [connection a]: 'delimiter'");
	check_refused(f, "[connection a]\ndriver = csv\npath = x\nmax_field = 0\n",
		"conf/etl.ini:4: 'max_field': '0' is less than 1");
}

static void connections_are_limited(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 20);

	for (int i = 0; i < SETTINGS_CONNECTIONS_MAX; i++)
		buf_printf(&text, "[connection c%d]\ndriver = sqlite\npath = x\n", i);
	must(parse(f, buf_str(&text)), &f->err);
	assert_int_equal(f->settings.n_connections, SETTINGS_CONNECTIONS_MAX);
	buf_adds(&text, "[connection more]\ndriver = sqlite\npath = x\n");
	check_refused(f, buf_str(&text), "conf/etl.ini:3001: more than 1000 connections");
}

static void connections_are_found_by_name(void **state)
{
	const struct connection *c = NULL;
	struct fixture *f = *state;

	must(parse(f, "[connection raw]\ndriver = csv\npath = x\n"
		      "[connection warehouse]\ndriver = sqlite\npath = y\n"),
		&f->err);
	must(settings_connection(&f->settings, "warehouse", "job 'j': target", &c, &f->err),
		&f->err);
	assert_ptr_equal(c, &f->settings.connections[1]);
	assert_int_equal(
		settings_connection(&f->settings, "warehose", "job 'j': target", &c, &f->err), -1);
	check_err(&f->err, ERR_CONFIG,
		"job 'j': target: there is no connection 'warehose', did you mean 'warehouse'?");
	assert_string_equal(f->err.hint, "add a [connection warehose] section to 'conf/etl.ini'");
	assert_ptr_equal(c, &f->settings.connections[1]);
	assert_int_equal(settings_connection(&f->settings, "lake", "x", &c, &f->err), -1);
	check_err(&f->err, ERR_CONFIG, "x: there is no connection 'lake'");
	f->settings.file = NULL;
	assert_int_equal(settings_connection(&f->settings, "lake", "x", &c, &f->err), -1);
	assert_string_equal(f->err.hint, "no configuration file was found: write etl.ini with a "
					 "[connection lake] section, or name one with --config");
}

static void jobs_override_the_format(void **state)
{
	const struct csv_format base = {.delimiter = ",",
		.quote = "\"",
		.escape = "doubled",
		.header = "yes",
		.null_text = "NULL",
		.encoding = "utf-8",
		.file_column = "",
		.line_end = "crlf",
		.max_field = 100};
	const struct csv_format some = {
		.null_text = "", .quote = "none", .max_field = 7};
	const struct csv_format none = {.delimiter = NULL};
	struct csv_format m = csv_format_merge(&base, &some);

	(void)state;
	assert_string_equal(m.delimiter, ",");
	assert_string_equal(m.quote, "none");
	assert_string_equal(m.null_text, "");
	assert_string_equal(m.encoding, "utf-8");
	assert_int_equal(m.max_field, 7);
	m = csv_format_merge(&base, &none);
	assert_memory_equal(&m, &base, sizeof(m));
}

/* --- where the file is --- */

static void load(struct fixture *f, const char *path, const char *expected)
{
	must(settings_load(path, &f->arena, &f->settings, &f->err), &f->err);
	if (expected)
		assert_string_equal(f->settings.file, expected);
	else
		assert_null(f->settings.file);
}

static void file_is_searched_in_order(void **state)
{
	struct fixture *f = *state;
	char *home = getcwd(NULL, 0);

	if (access("/etc/etl/etl.ini", F_OK) == 0)
		skip();
	assert_int_equal(chdir(in_dir("")), 0);
	load(f, NULL, NULL);
	check_defaults(&f->settings);
	setenv("ETL_CONFIG", "", 1);
	load(f, NULL, NULL);
	file_write("etl.ini", "[store]\npath = here.db\n");
	load(f, NULL, "etl.ini");
	assert_string_equal(f->settings.store.path, "here.db");
	file_write("env.ini", "[store]\npath = env.db\n");
	setenv("ETL_CONFIG", in_dir("env.ini"), 1);
	load(f, NULL, in_dir("env.ini"));
	assert_string_equal(f->settings.store.path, in_dir("env.db"));
	file_write("named.ini", "");
	load(f, "named.ini", "named.ini");
	check_defaults(&f->settings);
	assert_int_equal(chdir(home), 0);
	free(home);
}

static void file_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *large = repeat('\n', CONFIG_FILE_MAX + 1);

	assert_int_equal(settings_load("/no/such.ini", &f->arena, &f->settings, &f->err), -1);
	check_err(&f->err, ERR_CONFIG,
		"configuration: open '/no/such.ini': No such file or directory");
	setenv("ETL_CONFIG", "/tmp", 1); /* a file that is named must be there */
	assert_int_equal(settings_load(NULL, &f->arena, &f->settings, &f->err), -1);
	check_err(&f->err, ERR_CONFIG, "configuration: '/tmp': read: Is a directory");
	file_write(in_dir("large.ini"), large);
	assert_int_equal(settings_load(in_dir("large.ini"), &f->arena, &f->settings, &f->err), -1);
	assert_int_equal(f->err.code, ERR_CONFIG);
}

/* --- the tables --- */

static bool has_key(const struct option_set *set, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(set->v[i].key, key) == 0)
			return true;
	return false;
}

static bool has_choice(const struct option *o, const char *word)
{
	for (size_t i = 0; o->choices[i]; i++)
		if (strcmp(o->choices[i], word) == 0)
			return true;
	return false;
}

/* config_defaults aborts on a default that config_set refuses. */
static void tables_are_sound(void **state)
{
	struct fixture *f = *state;
	union {
		struct settings settings;
		struct connection connection;
	} base;

	for (size_t i = 0; i < n_settings_sections; i++) {
		const struct settings_section *s = &settings_sections[i];

		assert_true(*s->help && *s->kind);
		memset(&base, 0, sizeof(base));
		config_defaults(s->sets, s->n_sets, &f->arena, &base);
		for (size_t j = 0; j < s->n_sets; j++)
			for (size_t k = 0; k < s->sets[j].n; k++) {
				const struct option *o = &s->sets[j].v[k];

				assert_true(*o->key && *o->help);
				assert_true(o->fallback || o->required || o->type == OPT_TEXT ||
					o->type == OPT_PATH); /* NULL: there is none */
				assert_false(has_key(&s->sets[j], k, o->key));
				for (size_t before = 0; before < j; before++)
					assert_false(has_key(
						&s->sets[before], s->sets[before].n, o->key));
				assert_true(o->type != OPT_ENUM || o->choices);
			}
	}
}

static void every_driver_has_a_section(void **state)
{
	const struct option *driver = NULL;

	(void)state;
	for (size_t i = 0; i < n_settings_sections; i++)
		if (settings_sections[i].driver)
			driver = &settings_sections[i].sets[0].v[0];
	assert_non_null(driver);
	assert_string_equal(driver->key, "driver");
	for (size_t i = 0; driver->choices[i]; i++) {
		size_t found = 0;

		for (size_t j = 0; j < n_settings_sections; j++)
			found += settings_sections[j].driver &&
				 strcmp(settings_sections[j].driver, driver->choices[i]) == 0;
		assert_int_equal(found, 1);
		assert_string_equal(driver_name((enum driver)i), driver->choices[i]);
	}
	for (size_t j = 0; j < n_settings_sections; j++)
		assert_true(!settings_sections[j].driver ||
			    has_choice(driver, settings_sections[j].driver));
}

/* --- etl.ini.example --- */

/* The line's text behind "; " or at its beginning, up to its end. */
static const char *uncommented(const char *line)
{
	return line[0] == ';' ? line + 1 + strspn(line + 1, " ") : line;
}

/* Is "key = …" on a line of its own, as it stands or commented? *ret_value is what follows. */
static bool is_key_line(const char *line, const char *key, const char **ret_value)
{
	const char *s = uncommented(line);
	size_t len = strlen(key);

	if (strncmp(s, key, len) != 0 || strncmp(s + len, " =", 2) != 0)
		return false;
	*ret_value = s + len + 2 + strspn(s + len + 2, " ");
	return true;
}

static bool is_header(const char *line)
{
	return *uncommented(line) == '[';
}

/* [store], or a [connection …] with the driver's line in it. */
static bool is_section(const char *text, const struct settings_section *s)
{
	const char *header = uncommented(text) + 1, *value;
	size_t len = strlen(s->kind);

	if (strncmp(header, s->kind, len) != 0 || !strchr(" ]", header[len]))
		return false;
	if (!s->driver)
		return true;
	for (const char *line = strchr(text, '\n'); line && !is_header(line + 1);
		line = strchr(line + 1, '\n'))
		if (is_key_line(line + 1, "driver", &value))
			return strncmp(value, s->driver, strlen(s->driver)) == 0;
	return false;
}

/* The option's value in the section that begins at `text`, or NULL. */
static const char *find_value(const char *text, const char *key)
{
	const char *value;

	for (const char *line = strchr(text, '\n'); line && !is_header(line + 1);
		line = strchr(line + 1, '\n'))
		if (is_key_line(line + 1, key, &value))
			return value;
	return NULL;
}

static void check_option(const struct settings_section *s, const char *text, const struct option *o)
{
	const char *value = find_value(text, o->key);
	size_t len = o->fallback ? strlen(o->fallback) : 0;

	if (!value)
		fail_msg(EXAMPLE ": [%s %s] has no '%s'", s->kind, s->driver ? s->driver : "",
			o->key);
	if (o->fallback && (strncmp(value, o->fallback, len) != 0 || value[len] != '\n'))
		fail_msg(EXAMPLE ": [%s %s] '%s' is not shown with its default '%s'", s->kind,
			s->driver ? s->driver : "", o->key, o->fallback);
}

static void example_has_every_option(void **state)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 20);
	struct fixture *f = *state;

	must(file_read(EXAMPLE, &text, &f->err), &f->err);
	for (size_t i = 0; i < n_settings_sections; i++) {
		const struct settings_section *s = &settings_sections[i];
		const char *at = NULL;

		for (const char *line = text.data; !at && *line; line = strchr(line, '\n') + 1)
			if (is_header(line) && is_section(line, s))
				at = line;
		if (!at)
			fail_msg(EXAMPLE ": no [%s] %s", s->kind, s->driver ? s->driver : "");
		for (size_t j = 0; j < s->n_sets; j++)
			for (size_t k = 0; k < s->sets[j].n; k++)
				check_option(s, at, &s->sets[j].v[k]);
	}
}

static void example_is_read(void **state)
{
	struct fixture *f = *state;

	must(settings_load(EXAMPLE, &f->arena, &f->settings, &f->err), &f->err);
	check_defaults(&f->settings);
	for (size_t i = 0; i < f->settings.n_connections; i++)
		assert_true(f->settings.connections[i].path ||
			    f->settings.connections[i].mssql.server);
}

/* The same with the comment signs before "key = " and "[section]" taken away. */
static void example_is_read_without_its_comment_signs(void **state)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
	struct fixture *f = *state;

	must(file_read(EXAMPLE, &text, &f->err), &f->err);
	for (const char *line = text.data, *end; *line; line = end + 1) {
		const char *s = uncommented(line);
		size_t name = strspn(s, "abcdefghijklmnopqrstuvwxyz_");

		end = strchr(line, '\n');
		assert_non_null(end);
		if (*s != '[' && !(name && strncmp(s + name, " =", 2) == 0))
			s = line;
		buf_add(&out, s, (size_t)(end + 1 - s));
	}
	must(parse(f, buf_str(&out)), &f->err);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_hold),
		TEST(everything_can_be_said),
		TEST(connections_have_defaults),
		TEST(a_store_is_not_waited_for_longer_than_leases_last),
		TEST(mistakes_are_refused_with_their_place),
		TEST(connections_are_checked_by_their_driver),
		TEST(connections_are_limited),
		TEST(connections_are_found_by_name),
		TEST(jobs_override_the_format),
		TEST(file_is_searched_in_order),
		TEST(file_that_cannot_be_read),
		TEST(tables_are_sound),
		TEST(every_driver_has_a_section),
		TEST(example_has_every_option),
		TEST(example_is_read),
		TEST(example_is_read_without_its_comment_signs),
	};

	return cmocka_run_group_tests_name("base/settings", tests, dir_make, dir_remove);
}
