#include "tests/tdsd/control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/tdsd/conn.h"

#define LINE_LEN_MAX   4096
#define ANSWER_MAX     (64u << 20)
#define CLIENT_WAIT_MS 10000

struct control {
	struct server *server;
	int listener;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	pthread_t thread;
	atomic_int client; /* -1: none */
};

static void do_fault(struct server *s, const char *arg, struct buf *out)
{
	struct err err = ERR_INIT;
	int id;

	if (faults_add(&s->faults, arg, &id, &err) < 0)
		buf_printf(out, "error %s", err.msg);
	else
		buf_printf(out, "ok %d", id);
}

static void do_faults(struct server *s, const char *arg, struct buf *out)
{
	(void)arg;
	buf_adds(out, "ok ");
	faults_print(&s->faults, out);
}

static void do_clear(struct server *s, const char *arg, struct buf *out)
{
	(void)arg;
	faults_clear(&s->faults);
	atomic_fetch_add(&s->clears, 1);
	buf_adds(out, "ok");
}

static void do_connections(struct server *s, const char *arg, struct buf *out)
{
	(void)arg;
	buf_adds(out, "ok ");
	report_print(&s->report, out);
}

static void do_totals(struct server *s, const char *arg, struct buf *out)
{
	(void)arg;
	buf_adds(out, "ok ");
	report_totals(&s->report, out);
}

static void do_forget(struct server *s, const char *arg, struct buf *out)
{
	(void)arg;
	report_forget(&s->report);
	buf_adds(out, "ok");
}

static void do_kill(struct server *s, const char *arg, struct buf *out)
{
	int spid = atoi(arg), n = 0;

	pthread_mutex_lock(&s->mutex);
	for (struct conn *c = s->conns; c; c = c->next)
		if (strcmp(arg, "all") == 0 || c->spid == spid) {
			(void)shutdown(c->wire.stream.fd, SHUT_RDWR);
			n++;
		}
	pthread_mutex_unlock(&s->mutex);
	buf_printf(out, n ? "ok %d" : "error no connection '%d'", n ? n : spid);
}

static void do_quit(struct server *s, const char *arg, struct buf *out)
{
	(void)arg;
	server_stop(s);
	buf_adds(out, "ok");
}

static const struct {
	const char *name;
	void (*run)(struct server *s, const char *arg, struct buf *out);
} commands[] = {
	{"fault", do_fault},
	{"faults", do_faults},
	{"clear", do_clear},
	{"connections", do_connections},
	{"totals", do_totals},
	{"forget", do_forget},
	{"kill", do_kill},
	{"quit", do_quit},
};

static void run_command(struct server *s, char *line, struct buf *out)
{
	char *arg = line + strcspn(line, " ");

	if (*arg)
		*arg++ = '\0';
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(line, commands[i].name) == 0) {
			commands[i].run(s, arg, out);
			return;
		}
	buf_printf(out, "error no command '%s'", line);
}

static void send_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

/* Line after line, until the client goes. */
static void serve(struct server *s, int fd)
{
	CLEANUP(buf_release) struct buf in = BUF_INIT(LINE_LEN_MAX);
	CLEANUP(buf_release) struct buf out = BUF_INIT(ANSWER_MAX);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (!atomic_load(&s->stopping) && poll(&p, 1, CLIENT_WAIT_MS) > 0) {
		char *room = buf_room(&in, 512), *end;
		ssize_t n = room ? recv(fd, room, 512, 0) : 0;

		if (n <= 0)
			return;
		buf_advance(&in, (size_t)n);
		while ((end = memchr(in.data, '\n', in.len))) {
			size_t used = (size_t)(end - in.data) + 1;

			*end = '\0';
			buf_reset(&out);
			run_command(s, in.data, &out);
			buf_addc(&out, '\n');
			send_all(fd, out.data, out.len);
			memmove(in.data, in.data + used, in.len - used);
			in.len -= used;
		}
	}
}

static void *run(void *arg)
{
	struct control *c = arg;

	while (!atomic_load(&c->server->stopping)) {
		int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && errno == EINTR)
			continue;
		if (fd < 0)
			break;
		atomic_store(&c->client, fd);
		serve(c->server, fd);
		atomic_store(&c->client, -1);
		(void)close(fd);
	}
	return NULL;
}

int control_open(struct server *s, const char *path, struct control **ret_control, struct err *err)
{
	struct control *c = mem_alloc(sizeof(*c));
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	c->server = s;
	c->client = -1;
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (strlen(path) >= sizeof(addr.sun_path)) {
		free(c);
		return err_set(err, ERR_CONFIG, "'%s' is too long for a socket", path);
	}
	strcpy(addr.sun_path, path);
	strcpy(c->path, path);
	(void)unlink(path);
	if (c->listener < 0 || bind(c->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		listen(c->listener, 8) < 0 || pthread_create(&c->thread, NULL, run, c) != 0) {
		(void)err_set(err, ERR_IO, "'%s': %s", path, strerror(errno));
		if (c->listener >= 0)
			(void)close(c->listener);
		free(c);
		return -1;
	}
	*ret_control = c;
	return 0;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	(void)shutdown(c->listener, SHUT_RDWR);
	if (atomic_load(&c->client) >= 0)
		(void)shutdown(atomic_load(&c->client), SHUT_RDWR);
	(void)pthread_join(c->thread, NULL);
	(void)close(c->listener);
	(void)unlink(c->path);
	free(c);
}
