#include "ctl/bell.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit/support.h"

#define EVER        60000 /* ms: longer than any test; they end when all have answered */
#define ANSWERS_MAX (1u << 20)

/* The namespace is the host's: no other process has this store. */
static const char *store(const char *name)
{
	static char text[64];

	snprintf(text, sizeof(text), "/unit/%d/%s", (int)getpid(), name);
	return text;
}

static struct bell *open_bell(const char *name)
{
	struct err err = ERR_INIT;
	struct bell *b = NULL;

	must(bell_open(store(name), &b, &err), &err);
	return b;
}

static bool is_readable(const struct bell *b)
{
	struct pollfd pfd = {.fd = bell_fd(b), .events = POLLIN};

	return poll(&pfd, 1, 0) == 1;
}

/* --- bells that are answered, by a thread --- */

struct server {
	struct bell *b;
	const char *answer;
	atomic_bool stop;
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct server *s = arg;
	struct pollfd pfd = {.fd = bell_fd(s->b), .events = POLLIN};

	while (!s->stop)
		if (poll(&pfd, 1, 10) == 1)
			bell_heard(s->b, s->answer);
	return NULL;
}

static void server_start(struct server *s, const char *name, const char *answer)
{
	*s = (struct server){.b = open_bell(name), .answer = answer};
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
	s->stop = true;
	pthread_join(s->thread, NULL);
	bell_close(s->b);
}

/* --- datagrams of others --- */

struct peer {
	int fd;
	struct sockaddr_un to;
	socklen_t len;
};

static struct peer peer_of(const struct bell *b)
{
	const struct sockaddr_un mine = {.sun_family = AF_UNIX};
	struct peer p = {.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		.len = sizeof(p.to)};

	assert_true(p.fd >= 0);
	assert_int_equal(bind(p.fd, (const struct sockaddr *)&mine, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(bell_fd(b), (struct sockaddr *)&p.to, &p.len), 0);
	return p;
}

static bool peer_send(const struct peer *p, const void *data, size_t len)
{
	return sendto(p->fd, data, len, 0, (const struct sockaddr *)&p->to, p->len) >= 0;
}

static ssize_t peer_receive(const struct peer *p, char *out, size_t size)
{
	return recv(p->fd, out, size, 0);
}

/* --- tests --- */

static void a_ring_reaches(void **state UNUSED)
{
	struct bell *b = open_bell("a");

	assert_false(bell_heard(b, "{}"));
	assert_int_equal(bell_ring(store("a")), 1);
	assert_true(is_readable(b));
	assert_true(bell_heard(b, "{}"));
	assert_false(is_readable(b));
	assert_false(bell_heard(b, "{}"));
	bell_close(b);
	bell_close(NULL);
}

static void nobody_is_no_error(void **state UNUSED)
{
	CLEANUP(buf_release) struct buf answers = BUF_INIT(ANSWERS_MAX);
	int silent = -1;

	assert_int_equal(bell_ring(store("nobody")), 0);
	assert_int_equal(bell_ping(store("nobody"), EVER, &answers, &silent), 0);
	assert_int_equal(silent, 0);
	assert_string_equal(buf_str(&answers), "");
}

static void every_controller_is_rung(void **state UNUSED)
{
	struct bell *b[3];

	for (size_t i = 0; i < ARRAY_LEN(b); i++)
		b[i] = open_bell("several");
	assert_int_equal(bell_ring(store("several")), 3);
	for (size_t i = 0; i < ARRAY_LEN(b); i++)
		assert_true(bell_heard(b[i], "{}"));
	bell_close(b[0]); /* a gap among the slots */
	assert_int_equal(bell_ring(store("several")), 2);
	bell_close(b[1]);
	bell_close(b[2]);
}

static void stores_do_not_meet(void **state UNUSED)
{
	struct bell *a = open_bell("a"), *b = open_bell("b");

	assert_int_equal(bell_ring(store("b")), 1);
	assert_false(bell_heard(a, "{}"));
	assert_true(bell_heard(b, "{}"));
	bell_close(a);
	bell_close(b);
}

static void slots_end_and_are_freed(void **state UNUSED)
{
	struct bell *b[BELL_SLOTS], *more = NULL;
	struct err err = ERR_INIT;

	for (int i = 0; i < BELL_SLOTS; i++)
		b[i] = open_bell("full");
	assert_int_equal(bell_open(store("full"), &more, &err), -1);
	check_err(&err, ERR_LIMIT, "32 controllers of this store have a bell here");
	assert_null(more);
	bell_close(b[7]);
	b[7] = open_bell("full");
	assert_int_equal(bell_ring(store("full")), BELL_SLOTS);
	for (int i = 0; i < BELL_SLOTS; i++)
		bell_close(b[i]);
	assert_int_equal(bell_ring(store("full")), 0);
}

static void controllers_answer(void **state UNUSED)
{
	CLEANUP(buf_release) struct buf answers = BUF_INIT(ANSWERS_MAX);
	struct server one, two;
	int silent = -1;

	server_start(&one, "asked", "{\"workers\":1}");
	server_start(&two, "asked", "{\"workers\":2}");
	assert_int_equal(bell_ping(store("asked"), EVER, &answers, &silent), 2);
	assert_int_equal(silent, 0);
	assert_non_null(strstr(buf_str(&answers), "{\"workers\":1}\n"));
	assert_non_null(strstr(buf_str(&answers), "{\"workers\":2}\n"));
	assert_int_equal(answers.len, 2 * strlen("{\"workers\":1}\n"));
	server_stop(&one);
	server_stop(&two);
}

static void the_longest_answer_arrives(void **state UNUSED)
{
	CLEANUP(buf_release) struct buf answers = BUF_INIT(ANSWERS_MAX);
	CLEANUP_FREE char *longest = repeat('x', BELL_ANSWER_MAX);
	struct server s;
	int silent;

	server_start(&s, "long", longest);
	assert_int_equal(bell_ping(store("long"), EVER, &answers, &silent), 1);
	assert_int_equal(answers.len, BELL_ANSWER_MAX + 1);
	server_stop(&s);
}

static void an_answer_is_a_line(void **state UNUSED)
{
	CLEANUP(buf_release) struct buf answers = BUF_INIT(ANSWERS_MAX);
	struct server s;
	int silent;

	server_start(&s, "lines", "{\n\t\"a\": 1\n}");
	assert_int_equal(bell_ping(store("lines"), EVER, &answers, &silent), 1);
	assert_string_equal(buf_str(&answers), "{  \"a\": 1 }\n");
	server_stop(&s);
}

static void silence_is_counted(void **state UNUSED)
{
	CLEANUP(buf_release) struct buf answers = BUF_INIT(ANSWERS_MAX);
	struct bell *hung = open_bell("silent");
	struct server s;
	int silent = -1;

	server_start(&s, "silent", "{}");
	assert_int_equal(bell_ping(store("silent"), 1000, &answers, &silent), 1);
	assert_int_equal(silent, 1);
	assert_int_equal(bell_ping(store("silent"), 0, &answers, &silent), 0);
	assert_int_equal(silent, 2);
	server_stop(&s);
	bell_close(hung);
}

/* A queue that nobody empties: rung enough, and silent. */
static void a_full_queue(void **state UNUSED)
{
	CLEANUP(buf_release) struct buf answers = BUF_INIT(ANSWERS_MAX);
	struct bell *b = open_bell("queue");
	struct peer p = peer_of(b);
	int silent = -1;

	while (peer_send(&p, "poke", 4))
		;
	assert_int_equal(bell_ring(store("queue")), 1);
	assert_int_equal(bell_ping(store("queue"), 30, &answers, &silent), 0);
	assert_int_equal(silent, 1);
	assert_true(bell_heard(b, "{}"));
	close(p.fd);
	bell_close(b);
}

struct closing {
	struct bell *b;
	pthread_t thread;
};

/* Once the question is there. */
static void *close_when_asked(void *arg)
{
	struct bell *b = arg;
	struct pollfd pfd = {.fd = bell_fd(b), .events = POLLIN};

	poll(&pfd, 1, EVER);
	bell_close(b);
	return NULL;
}

static void who_is_gone_is_not_silent(void **state UNUSED)
{
	CLEANUP(buf_release) struct buf answers = BUF_INIT(ANSWERS_MAX);
	struct bell *b = open_bell("gone");
	pthread_t thread;
	int silent = -1;

	assert_int_equal(pthread_create(&thread, NULL, close_when_asked, b), 0);
	assert_int_equal(bell_ping(store("gone"), 1000, &answers, &silent), 0);
	assert_int_equal(silent, 0);
	pthread_join(thread, NULL);
}

static void garbage_is_ignored(void **state UNUSED)
{
	static const struct {
		const char *data;
		size_t len;
	} garbage[] = {
		{"", 0},
		{"pok", 3},
		{"poke\n", 5},
		{"POKE", 4},
		{"ping", 4},
		{"ping ", 5},
		{"ping 0123456789abcde", 20},
		{"ping 0123456789abcdeg", 21},
		{"ping 0123456789abcdef\n", 22},
		{"ping 01234567\0"
		 "9abcdef",
			21},
		{"pong 0123456789abcdef {}", 24},
	};
	CLEANUP_FREE char *large = repeat('p', 100000);
	struct bell *b = open_bell("garbage");
	struct peer p = peer_of(b);
	char answer[100];

	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		assert_true(peer_send(&p, garbage[i].data, garbage[i].len));
		assert_false(bell_heard(b, "{}"));
	}
	assert_true(peer_send(&p, large, 100000));
	assert_false(bell_heard(b, "{}"));
	assert_int_equal(peer_receive(&p, answer, sizeof(answer)), -1);

	assert_true(peer_send(&p, "ping 0123456789abcdef", 21));
	assert_false(bell_heard(b, "{}"));
	assert_int_equal(peer_receive(&p, answer, sizeof(answer)), 24);
	assert_memory_equal(answer, "pong 0123456789abcdef {}", 24);
	close(p.fd);
	bell_close(b);
}

static void a_question_from_nowhere_is_ignored(void **state UNUSED)
{
	struct bell *b = open_bell("nowhere");
	struct peer named = peer_of(b), p = named;

	p.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(p.fd >= 0);
	assert_true(peer_send(&p, "ping 0123456789abcdef", 21));
	assert_false(bell_heard(b, "{}"));
	assert_true(peer_send(&p, "poke", 4)); /* it needs no answer */
	assert_true(bell_heard(b, "{}"));
	close(p.fd);
	close(named.fd);
	bell_close(b);
}

/* --- more than can be taken --- */

struct flood {
	struct peer p;
	atomic_bool stop;
};

static void *flood_main(void *arg)
{
	struct flood *f = arg;

	while (!f->stop)
		(void)!peer_send(&f->p, "noise", 5);
	return NULL;
}

/* Each call comes back, however fast they come; a poke among them is not lost. */
static void a_flood_is_bounded(void **state UNUSED)
{
	struct bell *b = open_bell("flood");
	struct flood f = {.p = peer_of(b)};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, flood_main, &f), 0);
	for (int i = 0; i < 1000; i++)
		bell_heard(b, "{}");
	assert_int_equal(bell_ring(store("flood")), 1);
	while (!bell_heard(b, "{}"))
		;
	f.stop = true;
	pthread_join(thread, NULL);
	close(f.p.fd);
	bell_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ring_reaches),
		cmocka_unit_test(nobody_is_no_error),
		cmocka_unit_test(every_controller_is_rung),
		cmocka_unit_test(stores_do_not_meet),
		cmocka_unit_test(slots_end_and_are_freed),
		cmocka_unit_test(controllers_answer),
		cmocka_unit_test(the_longest_answer_arrives),
		cmocka_unit_test(an_answer_is_a_line),
		cmocka_unit_test(silence_is_counted),
		cmocka_unit_test(a_full_queue),
		cmocka_unit_test(who_is_gone_is_not_silent),
		cmocka_unit_test(garbage_is_ignored),
		cmocka_unit_test(a_question_from_nowhere_is_ignored),
		cmocka_unit_test(a_flood_is_bounded),
	};

	return cmocka_run_group_tests_name("ctl/bell", tests, NULL, NULL);
}
