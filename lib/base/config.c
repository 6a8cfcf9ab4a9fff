#include "base/config.h"

#include <assert.h>
#include <ctype.h>
#include <ini.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"

#if !INI_HANDLER_LINENO || !INI_CALL_HANDLER_ON_NEW_SECTION || !INI_STOP_ON_FIRST_ERROR
#error "inih must be built with the flags of vendor/inih"
#endif

#define BLANKS " \t"
#define OPTIONS_MAX 100 /* of one section, over all of its tables */

struct parser {
	struct config_file *file;
	struct arena *a;
	struct err *err;
	const char *text;
	size_t cap_sections, cap_entries;
	struct buf value; /* of the last entry, while lines continue it */
	bool continued;
	const char *at; /* the line below: inih calls in the order of lines */
	int at_line;
	bool failed;
};

static int fail(struct parser *p, int line, const char *fmt, ...) PRINTF(3, 4);

/* Always 0, which is how inih is told to stop. */
static int fail(struct parser *p, int line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	err_vset(p->err, ERR_CONFIG, fmt, args);
	va_end(args);
	err_wrap(p->err, "%s:%d", p->file->path, line);
	p->failed = true;
	return 0;
}

/* The beginning of a line of the text: what inih says to nobody can be seen there. */
static const char *line_text(struct parser *p, int line)
{
	while (p->at_line < line) {
		p->at = strchr(p->at, '\n');
		assert(p->at);
		p->at++;
		p->at_line++;
	}
	return p->at;
}

/* Does this line begin with a blank, that is: continue the value above? What inih takes for a blank
 * is isspace(). */
static bool is_continuation(struct parser *p, int line)
{
	return isspace((unsigned char)*line_text(p, line));
}

/* Is there something behind the ']' of this line that is no comment? inih passes over it. */
static bool has_tail(struct parser *p, int line)
{
	const char *c = strchr(line_text(p, line), ']');

	assert(c);
	do
		c++;
	while (*c && *c != '\n' && isspace((unsigned char)*c));
	return *c && *c != '\n' && *c != ';' && *c != '#';
}

/* ${VAR} from the environment; $${VAR} stands for itself. */
static const char *expand(struct parser *p, const char *value, int line)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(CONFIG_VALUE_MAX);
	const char *dollar, *end, *name, *found;

	if (!strstr(value, "${"))
		return arena_strdup(p->a, value);
	while ((dollar = strstr(value, "${"))) {
		buf_add(&out, value, (size_t)(dollar - value));
		end = strchr(dollar, '}');
		if (dollar > value && dollar[-1] == '$') {
			buf_adds(&out, "{"); /* the first '$' is in already */
			value = dollar + 2;
			continue;
		}
		if (!end)
			return fail(p, line, "'${' without '}'"), NULL;
		name = arena_strndup(p->a, dollar + 2, (size_t)(end - dollar - 2));
		found = getenv(name);
		if (!found)
			return fail(p, line, "the environment has no variable '%s'", name), NULL;
		buf_adds(&out, found);
		value = end + 1;
	}
	buf_adds(&out, value);
	if (out.overflow)
		return fail(p, line, "the value is longer than %u bytes", CONFIG_VALUE_MAX), NULL;
	return arena_strdup(p->a, buf_str(&out));
}

/* Room for one more in an arena's array: doubled when it is full. */
static void *more(struct arena *a, void *v, size_t n, size_t *cap, size_t size)
{
	void *bigger;

	if (n < *cap)
		return v;
	*cap = *cap ? *cap * 2 : 8;
	bigger = arena_array(a, *cap, size);
	return n ? memcpy(bigger, v, n * size) : bigger;
}

/* "connection raw": the first word and the rest, blanks around them dropped. */
static void split_header(const char *header, struct arena *a, const char **ret_kind,
	const char **ret_name)
{
	const char *kind = header + strspn(header, BLANKS);
	size_t kind_len = strcspn(kind, BLANKS);
	const char *name = kind + kind_len + strspn(kind + kind_len, BLANKS);
	size_t name_len = strlen(name);

	while (name_len && strchr(BLANKS, name[name_len - 1]))
		name_len--;
	*ret_kind = arena_strndup(a, kind, kind_len);
	*ret_name = arena_strndup(a, name, name_len);
}

static int add_section(struct parser *p, const char *header, int line)
{
	struct config_file *f = p->file;
	struct config_section *s;

	if (f->n == CONFIG_SECTIONS_MAX)
		return fail(p, line, "more than %d sections", CONFIG_SECTIONS_MAX);
	f->v = more(p->a, f->v, f->n, &p->cap_sections, sizeof(*f->v));
	s = &f->v[f->n];
	split_header(header, p->a, &s->kind, &s->name);
	s->line = line;
	p->cap_entries = 0;
	if (!*s->kind)
		return fail(p, line, "a section without a name");
	if (has_tail(p, line))
		return fail(p, line, "text behind '[%s]'", header);
	if (strlen(s->kind) + strlen(s->name) > CONFIG_NAME_MAX)
		return fail(p, line, "the section's name is longer than %d characters",
			CONFIG_NAME_MAX);
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].kind, s->kind) == 0 && strcmp(f->v[i].name, s->name) == 0)
			return fail(p, line, "[%s] stands on line %d already", header, f->v[i].line);
	f->n++;
	return 1;
}

static int continue_entry(struct parser *p, struct config_entry *e, const char *value, int line)
{
	if (!p->continued) {
		buf_reset(&p->value);
		buf_adds(&p->value, e->value);
		p->continued = true;
	}
	buf_addc(&p->value, '\n');
	buf_adds(&p->value, value);
	if (p->value.overflow)
		return fail(p, line, "the value is longer than %u bytes", CONFIG_VALUE_MAX);
	return 1;
}

static void end_entry(struct parser *p)
{
	struct config_section *s;

	if (!p->continued)
		return;
	s = &p->file->v[p->file->n - 1];
	s->v[s->n - 1].value = arena_strdup(p->a, buf_str(&p->value));
	p->continued = false;
}

static int add_entry(struct parser *p, const char *key, const char *value, int line)
{
	struct config_section *s = &p->file->v[p->file->n - 1];
	struct config_entry *e;

	if (strlen(key) > CONFIG_NAME_MAX)
		return fail(p, line, "the key is longer than %d characters", CONFIG_NAME_MAX);
	value = expand(p, value, line);
	if (!value)
		return 0;
	if (s->n && is_continuation(p, line))
		return continue_entry(p, &s->v[s->n - 1], value, line);
	end_entry(p);
	if (s->n == CONFIG_ENTRIES_MAX)
		return fail(p, line, "more than %d keys in a section", CONFIG_ENTRIES_MAX);
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].key, key) == 0)
			return fail(p, line, "'%s' is set on line %d already", key, s->v[i].line);
	s->v = more(p->a, s->v, s->n, &p->cap_entries, sizeof(*s->v));
	e = &s->v[s->n++];
	e->key = arena_strdup(p->a, key);
	e->value = value;
	e->line = line;
	return 1;
}

static int on_line(void *user, const char *section, const char *name, const char *value, int line)
{
	struct parser *p = user;

	if (!name) {
		end_entry(p);
		return add_section(p, section, line);
	}
	if (p->file->n == 0)
		return fail(p, line, "'%s' stands before the first [section]", name);
	return add_entry(p, name, value, line);
}

static const char *dir_of(const char *path, struct arena *a)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
}

int config_parse(const char *text, size_t len, const char *path, struct arena *a,
	struct config_file *ret_file, struct err *err)
{
	struct config_file file = {.path = arena_strdup(a, path), .dir = dir_of(path, a)};
	struct parser p = {.file = &file, .a = a, .err = err, .at_line = 1,
		.value = BUF_INIT(CONFIG_VALUE_MAX)};
	const char *nul = memchr(text, '\0', len);
	int line;

	if (nul) {
		line = 1;
		for (const char *c = text; c < nul; c++)
			line += *c == '\n';
		fail(&p, line, "a NUL byte");
		return err_hint(err, "the file must be plain text in UTF-8");
	}
	p.text = p.at = arena_strndup(a, text, len);
	line = ini_parse_string(p.text, on_line, &p);
	end_entry(&p);
	buf_release(&p.value);
	if (line && !p.failed) {
		fail(&p, line, "neither '[section]' nor 'key = value', or longer than %u bytes",
			CONFIG_VALUE_MAX);
		return -1;
	}
	if (p.failed)
		return -1;
	*ret_file = file;
	return 0;
}

int config_read(const char *path, struct arena *a, struct config_file *ret_file, struct err *err)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(CONFIG_FILE_MAX);

	if (file_read(path, &text, err))
		return -1;
	return config_parse(buf_str(&text), text.len, path, a, ret_file, err);
}

/* The values */

static void *field(const struct option *o, void *base)
{
	return (char *)base + o->offset;
}

static int bad_value(const struct option *o, const char *value, const char *expected,
	struct err *err)
{
	if (o->secret)
		return err_set(err, ERR_CONFIG, "'%s' is not %s", o->key, expected);
	return err_set(err, ERR_CONFIG, "'%s': '%.80s' is not %s", o->key, value, expected);
}

static int bad_choice(const struct option *o, const char *value, struct err *err)
{
	CLEANUP(buf_release) struct buf list = BUF_INIT(ERR_MSG_MAX);
	size_t n = 0;

	for (; o->choices[n]; n++)
		buf_printf(&list, "%s%s", n ? ", " : "", o->choices[n]);
	if (o->secret)
		return err_set(err, ERR_CONFIG, "'%s' is not one of %s", o->key, buf_str(&list));
	err_set(err, ERR_CONFIG, "'%s': '%.80s' is not one of %s", o->key, value, buf_str(&list));
	return err_suggest(err, text_nearest(value, o->choices, n));
}

static int choice_index(const struct option *o, const char *value)
{
	for (int i = 0; o->choices[i]; i++)
		if (strcmp(o->choices[i], value) == 0)
			return i;
	return -1;
}

static bool is_choice(const struct option *o, const char *value)
{
	return o->choices && choice_index(o, value) >= 0;
}

static int set_number(const struct option *o, const char *value, void *base, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	int64_t v = 0;

	switch (o->type) {
	case OPT_DURATION:
		if (text_parse_duration(value, &v))
			return bad_value(o, value, "a duration such as 500ms, 30s, 10m, 2h", err);
		break;
	case OPT_SIZE:
		if (text_parse_size(value, &v))
			return bad_value(o, value, "a size such as 4096, 64KiB, 16MiB", err);
		break;
	default:
		if (text_parse_int(value, &v))
			return bad_value(o, value, "a whole number", err);
	}
	if ((o->min || o->max) && (v < o->min || v > o->max)) {
		int64_t limit = v < o->min ? o->min : o->max;

		return err_set(err, ERR_CONFIG, "'%s': '%s' is %s than %s", o->key,
			o->secret ? "***" : value, v < o->min ? "less" : "more",
			o->type == OPT_DURATION ? text_print_duration(limit, &a)
			: o->type == OPT_SIZE	? text_print_size(limit, &a)
						: arena_printf(&a, "%" PRId64, limit));
	}
	*(int64_t *)field(o, base) = v;
	return 0;
}

/* Characters that a file cannot say. */
static const struct {
	const char *name, *c;
} characters[] = {{"tab", "\t"}, {"\\t", "\t"}, {"space", " "}, {"semicolon", ";"}};

static const char *not_a_character(const struct option *o, struct arena *a)
{
	static const char what[] = "one ASCII character ('tab', 'semicolon' and 'space' have names)";

	return o->choices ? arena_printf(a, "%s or '%s'", what, o->choices[0]) : what;
}

static int set_char(const struct option *o, const char *value, struct arena *a, void *base,
	struct err *err)
{
	const char *c = value;

	if (is_choice(o, value)) {
		*(const char **)field(o, base) = arena_strdup(a, value);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(characters); i++)
		if (strcmp(value, characters[i].name) == 0)
			c = characters[i].c;
	if (strlen(c) != 1 || (unsigned char)c[0] >= 0x80)
		return bad_value(o, value, not_a_character(o, a), err);
	*(const char **)field(o, base) = arena_strdup(a, c);
	return 0;
}

int config_set(const struct option *o, const char *value, const char *dir, struct arena *a,
	void *base, struct err *err)
{
	int i;

	switch (o->type) {
	case OPT_TEXT:
		if (o->choices && !is_choice(o, value))
			return bad_choice(o, value, err);
		*(const char **)field(o, base) = arena_strdup(a, value);
		return 0;
	case OPT_PATH:
		if (!*value)
			return bad_value(o, value, "a path", err);
		*(const char **)field(o, base) = *value == '/' || !dir || strcmp(dir, ".") == 0 ||
								 is_choice(o, value)
							 ? arena_strdup(a, value)
							 : arena_printf(a, "%s/%s", dir, value);
		return 0;
	case OPT_CHAR:
		return set_char(o, value, a, base, err);
	case OPT_BOOL:
		if (text_parse_bool(value, field(o, base)))
			return bad_value(o, value, "yes or no", err);
		return 0;
	case OPT_ENUM:
		i = choice_index(o, value);
		if (i < 0)
			return bad_choice(o, value, err);
		*(int *)field(o, base) = i;
		return 0;
	case OPT_INT:
	case OPT_DURATION:
	case OPT_SIZE:
		return set_number(o, value, base, err);
	}
	abort(); /* the switch is complete */
}

static const char *print_char(const char *c, struct arena *a)
{
	for (size_t i = 0; c && i < ARRAY_LEN(characters); i++)
		if (strcmp(c, characters[i].c) == 0)
			return characters[i].name;
	return arena_strdup(a, c);
}

const char *config_print(const struct option *o, const void *base, struct arena *a)
{
	const void *p = (const char *)base + o->offset;

	switch (o->type) {
	case OPT_TEXT:
	case OPT_PATH:
		return arena_strdup(a, *(const char *const *)p);
	case OPT_CHAR:
		return print_char(*(const char *const *)p, a);
	case OPT_BOOL:
		return *(const bool *)p ? "yes" : "no";
	case OPT_ENUM:
		return o->choices[*(const int *)p];
	case OPT_INT:
		return arena_printf(a, "%" PRId64, *(const int64_t *)p);
	case OPT_DURATION:
		return text_print_duration(*(const int64_t *)p, a);
	case OPT_SIZE:
		return text_print_size(*(const int64_t *)p, a);
	}
	abort();
}

/* Sections and tables */

int config_unknown(const struct config_file *file, int line, const char *what, const char *name,
	const char *const *known, size_t n, struct err *err)
{
	err_set(err, ERR_CONFIG, "unknown %s '%s'", what, name);
	err_suggest(err, text_nearest(name, known, n));
	return err_wrap(err, "%s:%d", file->path, line);
}

void config_defaults(const struct option_set *sets, size_t n, struct arena *a, void *base)
{
	struct err err = ERR_INIT;

	for (size_t s = 0; s < n; s++)
		for (size_t i = 0; i < sets[s].n && !sets[s].overrides; i++) {
			const struct option *o = &sets[s].v[i];

			if (o->fallback &&
				config_set(o, o->fallback, NULL, a, (char *)base + sets[s].offset, &err))
				abort(); /* the table's own default: a test goes over them */
		}
}

static const struct option *find_option(const struct option_set *sets, size_t n, const char *key,
	size_t *ret_offset)
{
	for (size_t s = 0; s < n; s++)
		for (size_t i = 0; i < sets[s].n; i++)
			if (strcmp(sets[s].v[i].key, key) == 0) {
				*ret_offset = sets[s].offset;
				return &sets[s].v[i];
			}
	return NULL;
}

static int unknown_key(const struct config_file *file, const struct config_section *section,
	const struct config_entry *e, const struct option_set *sets, size_t n, struct err *err)
{
	const char *known[OPTIONS_MAX];
	char what[32 + CONFIG_NAME_MAX];
	size_t count = 0;

	for (size_t s = 0; s < n; s++)
		for (size_t i = 0; i < sets[s].n && count < OPTIONS_MAX; i++)
			known[count++] = sets[s].v[i].key;
	snprintf(what, sizeof(what), "key in [%s%s%s]:", section->kind, *section->name ? " " : "",
		section->name);
	return config_unknown(file, e->line, what, e->key, known, count, err);
}

static bool is_set(const struct config_section *section, const char *key)
{
	for (size_t i = 0; i < section->n; i++)
		if (strcmp(section->v[i].key, key) == 0)
			return true;
	return false;
}

int config_apply(const struct config_file *file, const struct config_section *section,
	const struct option_set *sets, size_t n, struct arena *a, void *base, struct err *err)
{
	config_defaults(sets, n, a, base);
	for (size_t i = 0; i < section->n; i++) {
		const struct config_entry *e = &section->v[i];
		size_t offset;
		const struct option *o = find_option(sets, n, e->key, &offset);

		if (!o)
			return unknown_key(file, section, e, sets, n, err);
		if (config_set(o, e->value, file->dir, a, (char *)base + offset, err))
			return err_wrap(err, "%s:%d", file->path, e->line);
	}
	for (size_t s = 0; s < n; s++)
		for (size_t i = 0; i < sets[s].n; i++)
			if (sets[s].v[i].required && !is_set(section, sets[s].v[i].key)) {
				err_set(err, ERR_CONFIG, "[%s %s] needs '%s'", section->kind,
					section->name, sets[s].v[i].key);
				err_wrap(err, "%s:%d", file->path, section->line);
				return err_hint(err, "%s: %s", sets[s].v[i].key, sets[s].v[i].help);
			}
	return 0;
}
