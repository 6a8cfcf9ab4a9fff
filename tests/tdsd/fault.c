#include "tests/tdsd/fault.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#define LIST_MAX 1000

static const char *const kinds[] = {"cut", "reset", "stall", "malformed", "slow", "tiny", "deaf",
	"downgrade", "refuse", "route", "partner", "error"};
static const char *const phases[] = {
	"any", "prelogin", "tls", "login", "request", "result", "bulk"};
static const char *const whats[] = {"token", "length", "header", "type", "truncated"};
static const char *const dirs[] = {"in", "out"};

/* --- reading a line --------------------------------------------------------------- */

/* Keys whose values are numbers, and texts. */
static const struct {
	const char *name;
	size_t offset;
} numbers[] =
	{
#define NUMBER(field)                                 \
	{                                             \
#field, offsetof(struct fault, field) \
	}
		NUMBER(bytes),
		NUMBER(packet),
		NUMBER(statement),
		NUMBER(skip),
		NUMBER(times),
		NUMBER(ms),
		NUMBER(us),
		NUMBER(rate),
		NUMBER(segment),
		NUMBER(number),
		NUMBER(severity),
		NUMBER(state),
		NUMBER(rollback),
		NUMBER(close),
		NUMBER(row),
#undef NUMBER
},
  texts[] = {
#define TEXT(field)                                   \
	{                                             \
#field, offsetof(struct fault, field) \
	}
	  TEXT(app),
	  TEXT(user),
	  TEXT(database),
	  TEXT(match),
	  TEXT(message),
	  TEXT(to),
	  TEXT(has),
	  TEXT(encrypt),
#undef TEXT
};

static int word_of(const char *value, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(value, words[i]) == 0)
			return (int)i;
	return -1;
}

static bool set_word(struct fault *f, const char *key, const char *value, bool *ret_ok)
{
	int i;

	if (strcmp(key, "phase") == 0) {
		i = word_of(value, phases, ARRAY_LEN(phases));
		f->phase = i < 0 ? PHASE_ANY : (enum phase)i;
	} else if (strcmp(key, "what") == 0) {
		i = word_of(value, whats, ARRAY_LEN(whats));
		f->what = i < 0 ? MALFORMED_TOKEN : (enum malformed)i;
	} else if (strcmp(key, "dir") == 0) {
		i = word_of(value, dirs, ARRAY_LEN(dirs));
		f->dir = i;
	} else {
		return false;
	}
	*ret_ok = i >= 0;
	return true;
}

static bool set(struct fault *f, const char *key, const char *value)
{
	bool ok;

	if (set_word(f, key, value, &ok))
		return ok;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (strcmp(key, numbers[i].name) == 0)
			return text_parse_int(value,
				       (int64_t *)(void *)((char *)f + numbers[i].offset)) == 0;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (strcmp(key, texts[i].name) == 0 && strlen(value) < FAULT_TEXT_MAX) {
			strcpy((char *)f + texts[i].offset, value);
			return true;
		}
	return false;
}

/* The next word of a line: up to a blank outside of "". False at the end. */
static bool take_word(const char **line, char word[2 * FAULT_TEXT_MAX])
{
	const char *p = *line;
	size_t n = 0;
	bool quoted = false;

	while (isspace((unsigned char)*p))
		p++;
	for (; *p && (quoted || !isspace((unsigned char)*p)); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (n < 2 * FAULT_TEXT_MAX - 1)
			word[n++] = *p;
	}
	word[n] = '\0';
	*line = p;
	return n > 0;
}

static enum fault_stage stage_of(const struct fault *f)
{
	bool knows_login = f->app[0] || f->user[0] || f->database[0];

	switch (f->kind) {
	case FAULT_CUT:
	case FAULT_RESET:
		if (f->bytes < 0)
			return STAGE_PACKET;
		break;
	case FAULT_STALL:
	case FAULT_MALFORMED:
		return STAGE_PACKET;
	case FAULT_DOWNGRADE:
		return STAGE_PRELOGIN;
	case FAULT_REFUSE:
	case FAULT_ROUTE:
	case FAULT_PARTNER:
		return STAGE_LOGIN;
	case FAULT_ERROR:
		return f->row > 0 || f->has[0] ? STAGE_LOAD : STAGE_STATEMENT;
	case FAULT_SLOW:
	case FAULT_TINY:
	case FAULT_DEAF:
		break;
	}
	return knows_login ? STAGE_LOGIN : STAGE_CONNECT;
}

static int check(struct fault *f, struct err *err)
{
	if ((f->kind == FAULT_REFUSE || f->kind == FAULT_ERROR) && f->number == 0)
		return err_set(err, ERR_USAGE, "number= is missing");
	if (f->kind == FAULT_SLOW && f->rate <= 0)
		return err_set(err, ERR_USAGE, "rate= is missing");
	if ((f->kind == FAULT_ROUTE || f->kind == FAULT_PARTNER) && !f->to[0])
		return err_set(err, ERR_USAGE, "to= is missing");
	if (stage_of(f) == STAGE_PACKET && f->phase == PHASE_ANY)
		return err_set(err, ERR_USAGE, "phase= is missing");
	if (f->dir < 0)
		f->dir = f->phase != PHASE_REQUEST && f->phase != PHASE_BULK;
	return 0;
}

static int parse(const char *line, struct fault *f, struct err *err)
{
	char word[2 * FAULT_TEXT_MAX];
	int kind = take_word(&line, word) ? word_of(word, kinds, ARRAY_LEN(kinds)) : -1;

	if (kind < 0)
		return err_set(err, ERR_USAGE, "no fault '%s'", word);
	f->kind = (enum fault_kind)kind;
	while (take_word(&line, word)) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = '\0';
		if (!value || !set(f, word, value))
			return err_set(
				err, ERR_USAGE, "'%s=%s' is not known", word, value ? value : "");
	}
	return check(f, err);
}

/* --- the list --------------------------------------------------------------------- */

void faults_init(struct faults *f)
{
	*f = (struct faults){0};
	pthread_mutex_init(&f->mutex, NULL);
}

void faults_clear(struct faults *f)
{
	struct fault *next;

	pthread_mutex_lock(&f->mutex);
	for (struct fault *fault = f->first; fault; fault = next) {
		next = fault->next;
		free(fault);
	}
	f->first = NULL;
	f->n = 0;
	pthread_mutex_unlock(&f->mutex);
}

void faults_release(struct faults *f)
{
	faults_clear(f);
	pthread_mutex_destroy(&f->mutex);
}

int faults_add(struct faults *f, const char *line, int *ret_id, struct err *err)
{
	struct fault *fault = mem_alloc(sizeof(*fault)), **last = &f->first;

	*fault = (struct fault){.dir = -1,
		.bytes = -1,
		.packet = 1,
		.times = 1,
		.segment = 1,
		.severity = 16,
		.state = 1};
	if (parse(line, fault, err) < 0) {
		free(fault);
		return -1;
	}
	pthread_mutex_lock(&f->mutex);
	if (f->n >= LIST_MAX) {
		pthread_mutex_unlock(&f->mutex);
		free(fault);
		return err_set(err, ERR_LIMIT, "more than %d faults", LIST_MAX);
	}
	while (*last)
		last = &(*last)->next;
	fault->id = *ret_id = ++f->last_id;
	*last = fault;
	f->n++;
	pthread_mutex_unlock(&f->mutex);
	return 0;
}

void faults_print(struct faults *f, struct buf *out)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *list = json_array(doc);

	pthread_mutex_lock(&f->mutex);
	for (const struct fault *fault = f->first; fault; fault = fault->next) {
		struct json *one = json_object(doc);

		json_set_int(doc, one, "id", fault->id);
		json_set_str(doc, one, "kind", kinds[fault->kind]);
		json_set_str(doc, one, "phase", phases[fault->phase]);
		json_set_int(doc, one, "hits", fault->hits);
		json_push(doc, list, one);
	}
	pthread_mutex_unlock(&f->mutex);
	json_print(doc, list, false, out);
}

static bool same(const char *wanted, const char *is)
{
	return !wanted[0] || strcasecmp(wanted, is) == 0;
}

static bool matches(const struct fault *f, const struct fault_event *e)
{
	if (stage_of(f) != e->stage || (e->has_kind && f->kind != e->kind))
		return false;
	if (e->stage == STAGE_PACKET &&
		(f->phase != e->phase || f->dir != e->out || f->packet != (int64_t)e->packet))
		return false;
	return (!f->statement || f->statement == (int64_t)e->statement) && same(f->user, e->user) &&
	       same(f->database, e->database) && strncmp(f->app, e->app, strlen(f->app)) == 0 &&
	       (!f->match[0] || strcasestr(e->text, f->match));
}

static bool happens(struct fault *f)
{
	if (f->skip > 0) {
		f->skip--;
		return false;
	}
	if (f->times && f->hits >= f->times)
		return false;
	f->hits++;
	return true;
}

bool faults_next(struct faults *f, const struct fault_event *e, int *after, struct fault *ret_fault)
{
	bool found = false;

	if (f->n == 0)
		return false;
	pthread_mutex_lock(&f->mutex);
	for (struct fault *fault = f->first; fault && !found; fault = fault->next)
		if (fault->id > *after && matches(fault, e) && happens(fault)) {
			*after = fault->id;
			*ret_fault = *fault;
			found = true;
		}
	pthread_mutex_unlock(&f->mutex);
	return found;
}
