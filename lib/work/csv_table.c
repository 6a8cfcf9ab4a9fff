#include "work/csv_table.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "work/input.h"

#define NAMES_MAX   1000 /* of a directory that are looked at for a hint */
#define NAMES_SHOWN 8

static const char *const suffixes[] = {".csv", ".csv.gz", ".csv.zst"};

size_t csv_table_stem(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		size_t n = strlen(suffixes[i]);

		if (len > n && strcmp(name + len - n, suffixes[i]) == 0)
			return len - n;
	}
	return len;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Anything there but a directory; what it is shows when it is opened. */
static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* A component of the path is "..", or there is no path. */
static bool leads_out(const char *name)
{
	const char *p = name;

	if (*name == '\0' || *name == '/')
		return true;
	while (*p) {
		size_t n = strcspn(p, "/");

		if (n == 2 && memcmp(p, "..", 2) == 0)
			return true;
		p += n;
		p += *p == '/';
	}
	return false;
}

/* What can be given as a table of the directory: files, without .csv where they have it. */
static size_t list_names(const char *dir, struct arena *a, const char **names)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	if (!d)
		return 0;
	while (n < NAMES_MAX && (e = readdir(d))) {
		if (e->d_name[0] == '.' || is_directory(arena_printf(a, "%s/%s", dir, e->d_name)))
			continue;
		names[n++] = arena_strndup(a, e->d_name, csv_table_stem(e->d_name));
	}
	closedir(d);
	return n;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int explain(const char *dir, const char *name, struct arena *a, struct err *err)
{
	const char **names = arena_array(a, NAMES_MAX, sizeof(*names)), *near, *list = "";
	size_t n = list_names(dir, a, names);

	if (n == 0)
		return err_hint(err, "'%s' has no files", dir);
	near = text_nearest(name, names, n);
	if (near)
		return err_hint(err, "did you mean '%s'?", near);
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n && i < NAMES_SHOWN; i++)
		list = arena_printf(a, "%s%s%s", list, i ? ", " : "", names[i]);
	return err_hint(err, "there are: %s%s", list, n > NAMES_SHOWN ? ", ..." : "");
}

static int check_name(const char *dir, const char *name, struct err *err)
{
	if (!leads_out(name))
		return 0;
	err_set(err, ERR_CONFIG, "table '%s' is not a name within '%s'", name, dir);
	return err_hint(err, "no '..' and no '/' in front");
}

static void one_file(const char *path, const char *name, struct arena *a, struct csv_table *ret)
{
	ret->v = arena_alloc(a, sizeof(*ret->v));
	ret->v[0] = (struct csv_table_file){.path = path, .name = name};
	ret->n = 1;
}

/* Path and name of the file that the name means, in *ret; 0 when there is none. */
static int look(const char *dir, const char *name, struct arena *a, struct csv_table_file *ret,
	struct err *err)
{
	int n = 0;

	*ret = (struct csv_table_file){.path = arena_printf(a, "%s/%s", dir, name), .name = name};
	if (is_there(ret->path))
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		const char *with = arena_printf(a, "%s%s", name, suffixes[i]);
		const char *path = arena_printf(a, "%s/%s", dir, with), *first = ret->name;

		if (!is_there(path))
			continue;
		*ret = (struct csv_table_file){.path = path, .name = with};
		if (n++)
			return err_set(err, ERR_CONFIG, "table '%s' is '%s' or '%s': say which",
				name, first, with);
	}
	return n;
}

/* --- patterns ---------------------------------------------------------------- */

static bool is_pattern(const char *name)
{
	return strpbrk(name, "*?[") != NULL;
}

/* What stands for itself in a pattern. */
static const char *escape(const char *text, struct arena *a)
{
	char *out = arena_alloc(a, 2 * strlen(text) + 1), *p = out;

	for (; *text; text++) {
		if (strchr("*?[\\", *text))
			*p++ = '\\';
		*p++ = *text;
	}
	return out;
}

static int compare_files(const void *a, const void *b)
{
	const struct csv_table_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int take_matches(const char *dir, const glob_t *found, struct arena *a,
	struct csv_table *ret, struct err *err)
{
	if (found->gl_pathc > CSV_TABLE_FILES_MAX)
		return err_set(err, ERR_LIMIT, "%zu files match, and %u is the most",
			found->gl_pathc, CSV_TABLE_FILES_MAX);
	ret->v = arena_array(a, found->gl_pathc, sizeof(*ret->v));
	ret->n = 0;
	for (size_t i = 0; i < found->gl_pathc; i++) {
		const char *path = arena_strdup(a, found->gl_pathv[i]);
		const char *name = path + strlen(dir) + 1;

		if (!leads_out(name) && !is_directory(path))
			ret->v[ret->n++] = (struct csv_table_file){.path = path, .name = name};
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare_files);
	return 0;
}

static int find_matches(const char *dir, const char *pattern, struct arena *a,
	struct csv_table *ret, struct err *err)
{
	const char *whole = arena_printf(a, "%s/%s", escape(dir, a), pattern);
	glob_t found = {.gl_pathc = 0};
	int rc = glob(whole, GLOB_NOSORT, NULL, &found);

	ret->n = 0;
	if (rc == 0)
		rc = take_matches(dir, &found, a, ret, err);
	else if (rc == GLOB_NOMATCH)
		rc = 0;
	else
		rc = err_set(err, ERR_IO, "the files of '%s' cannot be listed", dir);
	globfree(&found);
	if (rc)
		return -1;
	if (ret->n)
		return 0;
	err_set(err, ERR_NOT_FOUND, "no file of '%s' matches '%s'", dir, pattern);
	return explain(dir, pattern, a, err);
}

/* --- tables ------------------------------------------------------------------ */

static int find_in_directory(
	const char *dir, const char *name, struct arena *a, struct csv_table *ret, struct err *err)
{
	struct csv_table_file file;
	int found;

	if (check_name(dir, name, err) < 0)
		return -1;
	found = look(dir, name, a, &file, err);
	if (found < 0)
		return -1;
	if (found) {
		one_file(file.path, file.name, a, ret);
		return 0;
	}
	if (is_pattern(name))
		return find_matches(dir, name, a, ret, err);
	err_set(err, ERR_NOT_FOUND, "there is no table '%s': '%s/%s%s' does not exist", name, dir,
		name, csv_table_stem(name) == strlen(name) ? suffixes[0] : "");
	return explain(dir, name, a, err);
}

/* The connection is a file: its name, with or without suffix, is the only table. */
static int check_itself(const char *path, const char *table, struct err *err)
{
	const char *name = last_part(path);
	size_t len = csv_table_stem(name);

	if (!*table || strcmp(table, name) == 0 ||
		(strlen(table) == len && memcmp(table, name, len) == 0))
		return 0;
	err_set(err, ERR_NOT_FOUND, "there is no table '%s': '%s' is one file", table, path);
	return err_hint(err, "its table is '%.*s'", (int)len, name);
}

int csv_table_find(const struct connection *conn, const char *name, struct arena *a,
	struct csv_table *ret_table, struct err *err)
{
	struct stat st;

	if (!name)
		name = "";
	if (strcmp(conn->path, INPUT_STDIN) == 0) {
		one_file(conn->path, "standard input", a, ret_table);
		return 0;
	}
	if (stat(conn->path, &st) < 0)
		return err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno,
			"connection '%s': '%s'", conn->name, conn->path);
	if (S_ISDIR(st.st_mode))
		return find_in_directory(conn->path, name, a, ret_table, err);
	if (check_itself(conn->path, name, err) < 0)
		return -1;
	one_file(conn->path, last_part(conn->path), a, ret_table);
	return 0;
}

static int target_in_directory(const char *dir, const char *name, struct arena *a,
	struct csv_table_file *ret, struct err *err)
{
	int found;

	if (check_name(dir, name, err) < 0)
		return -1;
	if (*last_part(name) == '.' || !*last_part(name))
		return err_set(
			err, ERR_CONFIG, "table '%s': no file of that name is written", name);
	if (is_directory(arena_printf(a, "%s/%s", dir, name)))
		return err_set(err, ERR_CONFIG, "table '%s' is a directory of '%s'", name, dir);
	found = look(dir, name, a, ret, err);
	if (found)
		return found < 0 ? -1 : 0;
	ret->name = strchr(last_part(name), '.') ? name : arena_printf(a, "%s.csv", name);
	ret->path = arena_printf(a, "%s/%s", dir, ret->name);
	return 0;
}

int csv_table_target(const struct connection *conn, const char *name, struct arena *a,
	struct csv_table_file *ret_file, struct err *err)
{
	if (strcmp(conn->path, INPUT_STDIN) == 0)
		return err_set(err, ERR_CONFIG,
			"connection '%s': path = - is for reading: a target is a directory or a "
			"file",
			conn->name);
	if (is_directory(conn->path))
		return target_in_directory(conn->path, name, a, ret_file, err);
	if (!is_there(conn->path) && check_itself(conn->path, name, &(struct err)ERR_INIT) < 0)
		return err_errno(
			err, ERR_NOT_FOUND, ENOENT, "connection '%s': '%s'", conn->name, conn->path);
	if (check_itself(conn->path, name, err) < 0)
		return -1;
	*ret_file = (struct csv_table_file){.path = conn->path, .name = last_part(conn->path)};
	return 0;
}
