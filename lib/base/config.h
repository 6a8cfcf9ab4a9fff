/*
 * config - INI files and option tables.
 *
 * A file is read into sections with file:line behind every entry; an option
 * table then turns the entries of a section into the fields of a struct.
 * Unknown sections and keys, double keys and bad values are ERR_CONFIG with
 * file:line and, for names, the nearest known one.
 *
 * Syntax (inih): `key = value`, `; comment` and `# comment` lines, ` ;` begins a
 * comment after a value, indented lines continue the value above. ${VAR} is
 * taken from the environment ($${VAR} is a literal ${VAR}).
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define CONFIG_FILE_MAX (16u * 1024 * 1024)
#define CONFIG_VALUE_MAX (256u * 1024)
#define CONFIG_NAME_MAX 200	/* characters of a section's or key's name */
#define CONFIG_SECTIONS_MAX 10000
#define CONFIG_ENTRIES_MAX 1000 /* of one section */

struct config_entry {
	const char *key, *value;
	int line;
};

struct config_section {
	const char *kind; /* "connection" of [connection raw] */
	const char *name; /* "raw"; "" for sections without a name */
	int line;
	struct config_entry *v;
	size_t n;
};

struct config_file {
	const char *path; /* as given */
	const char *dir;  /* its directory, for relative paths; "." at least */
	struct config_section *v;
	size_t n;
};

MUST_CHECK int config_read(const char *path, struct arena *a, struct config_file *ret_file,
	struct err *err);
/* The same from memory; `path` is for messages only. */
MUST_CHECK int config_parse(const char *text, size_t len, const char *path, struct arena *a,
	struct config_file *ret_file, struct err *err);

enum option_type {
	OPT_TEXT,     /* const char * */
	OPT_PATH,     /* const char *, made relative to the file's directory */
	OPT_CHAR,     /* const char * of one ASCII character ("tab" and "\t" are one), or a choice */
	OPT_BOOL,     /* bool: yes/no, true/false, on/off, 1/0 */
	OPT_INT,      /* int64_t */
	OPT_DURATION, /* int64_t in ms: 500ms, 5s, 10m, 2h, 1d */
	OPT_SIZE,     /* int64_t in bytes: 4096, 64KiB, 16MiB, 1GiB */
	OPT_ENUM,     /* an enum (int) whose value is the index in `choices` */
};

struct option {
	const char *key;
	enum option_type type;
	size_t offset;
	const char *fallback;	    /* as it would be written; NULL: none (zero, NULL) */
	const char *help;	    /* one line */
	const char *const *choices; /* OPT_ENUM, and OPT_TEXT that is checked: NULL-terminated; of
				     * OPT_CHAR and OPT_PATH: words that are taken as they are */
	int64_t min, max;	    /* numbers; both 0: not checked */
	bool required;
	bool secret; /* its value is never printed, and masked in the log */
};

/* Options that fill one struct, which stands `offset` bytes into the caller's. */
struct option_set {
	const struct option *v;
	size_t n;
	size_t offset;
	bool overrides; /* no defaults: what is not written stays NULL or 0 */
};

void config_defaults(const struct option_set *sets, size_t n, struct arena *a, void *base);

/* Defaults, then the section's entries, then what is required. */
MUST_CHECK int config_apply(const struct config_file *file, const struct config_section *section,
	const struct option_set *sets, size_t n, struct arena *a, void *base, struct err *err);

/* One value from text into the struct of the option's own table; `dir` is for OPT_PATH (NULL: taken
 * as it is). The error has no place yet. */
MUST_CHECK int config_set(const struct option *option, const char *value, const char *dir,
	struct arena *a, void *base, struct err *err);

/* The value as it would be written: what config_set reads back. NULL when it is not set. */
const char *config_print(const struct option *option, const void *base, struct arena *a);

/* ERR_CONFIG "file:line: what 'name' …, did you mean 'x'?" for a name that is not among the known. */
int config_unknown(const struct config_file *file, int line, const char *what, const char *name,
	const char *const *known, size_t n, struct err *err);

#endif
