#include "tests/tdsd/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/tdsd/conn.h"

#define FIRST_SPID 51 /* lower ones are the system's */
#define BACKLOG    128
#define STACK_SIZE (2u << 20)

/* --- the listener ----------------------------------------------------------------- */

static int open_listener(struct server *s, const struct address *a, struct err *err)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(a->port)};
	socklen_t len = sizeof(addr);
	int on = 1;

	if (inet_pton(AF_INET, a->host, &addr.sin_addr) != 1)
		return err_set(err, ERR_CONFIG, "'%s' is no IPv4 address", a->host);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->listener < 0 ||
		setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(s->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		listen(s->listener, BACKLOG) < 0 ||
		getsockname(s->listener, (struct sockaddr *)&addr, &len) < 0)
		return err_set(
			err, ERR_NETWORK, "listen at %s:%u: %s", a->host, a->port, strerror(errno));
	s->port = ntohs(addr.sin_port);
	return 0;
}

/* The whole file at once: who waits for it reads no half. */
static int tell_ready(const struct server *s, struct err *err)
{
	const char *path = s->options->ready_file;
	char fresh[4096];
	FILE *f;

	if (!path)
		return 0;
	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
		return err_set(err, ERR_CONFIG, "'%s' is too long", path);
	f = fopen(fresh, "we");
	if (!f)
		return err_set(err, ERR_IO, "'%s': %s", fresh, strerror(errno));
	fprintf(f, "%u\n", s->port);
	if (fclose(f) != 0 || rename(fresh, path) < 0)
		return err_set(err, ERR_IO, "'%s': %s", path, strerror(errno));
	return 0;
}

static int create_databases(struct server *s, struct err *err)
{
	for (uint32_t i = 0; i < s->options->n_databases; i++)
		if (engine_create_database(s->engine, s->options->databases[i], err) < 0)
			return -1;
	return 0;
}

static int add_faults(struct server *s, struct err *err)
{
	int id;

	for (uint32_t i = 0; i < s->options->n_faults; i++)
		if (faults_add(&s->faults, s->options->faults[i], &id, err) < 0)
			return -1;
	return 0;
}

static int open_helpers(struct server *s, struct err *err)
{
	const struct options *o = s->options;

	if (o->control && control_open(s, o->control, &s->control, err) < 0)
		return -1;
	return o->browser.port ? browser_open(s, &s->browser, err) : 0;
}

int server_open(const struct options *options, struct server *ret_server, struct err *err)
{
	struct server *s = ret_server;

	*s = (struct server){.options = options, .listener = -1, .next_spid = FIRST_SPID};
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->ended, NULL);
	sinks_init(&s->sinks);
	faults_init(&s->faults);
	if (report_open(&s->report, options->statements, err) < 0 ||
		capture_open(&s->capture, options->pcap, options->record, err) < 0 ||
		add_faults(s, err) < 0 || engine_open(options->directory, &s->engine, err) < 0 ||
		create_databases(s, err) < 0 ||
		(options->encrypt != ENCRYPT_POLICY_NONE &&
			tls_context_new(&options->tls, &s->tls, err) < 0) ||
		open_listener(s, &options->listen, err) < 0 || open_helpers(s, err) < 0 ||
		tell_ready(s, err) < 0) {
		server_close(s);
		return -1;
	}
	return 0;
}

/* --- connections ------------------------------------------------------------------ */

static void enter(struct server *s, struct conn *c)
{
	c->next = s->conns;
	if (c->next)
		c->next->previous = c;
	s->conns = c;
	s->n_conns++;
}

static void leave(struct server *s, struct conn *c)
{
	if (c->next)
		c->next->previous = c->previous;
	if (c->previous)
		c->previous->next = c->next;
	else
		s->conns = c->next;
}

static void *serve(void *arg)
{
	struct conn *c = arg;
	struct server *s = c->server;

	conn_run(c);
	pthread_mutex_lock(&s->mutex);
	leave(s, c);
	pthread_mutex_unlock(&s->mutex);
	conn_free(c);
	pthread_mutex_lock(&s->mutex);
	s->n_conns--;
	pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->mutex);
	return NULL;
}

static void start(struct server *s, int fd)
{
	pthread_attr_t attr;
	pthread_t thread;
	struct conn *c;

	pthread_mutex_lock(&s->mutex);
	c = conn_new(s, fd, s->next_spid++);
	enter(s, c);
	pthread_mutex_unlock(&s->mutex);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (pthread_create(&thread, &attr, serve, c) != 0) {
		fprintf(stderr, "tdsd: no thread for connection %d\n", c->spid);
		pthread_mutex_lock(&s->mutex);
		leave(s, c);
		s->n_conns--;
		pthread_mutex_unlock(&s->mutex);
		conn_free(c);
	}
	pthread_attr_destroy(&attr);
}

void server_run(struct server *s)
{
	while (!atomic_load(&s->stopping)) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			start(s, fd);
		else if (errno != EINTR && errno != ECONNABORTED)
			break;
	}
}

void server_stop(struct server *s)
{
	atomic_store(&s->stopping, true);
	(void)shutdown(s->listener, SHUT_RDWR); /* wakes accept */
}

void server_close(struct server *s)
{
	atomic_store(&s->stopping, true);
	control_close(s->control);
	browser_close(s->browser);
	pthread_mutex_lock(&s->mutex);
	for (struct conn *c = s->conns; c; c = c->next)
		(void)shutdown(c->wire.stream.fd, SHUT_RDWR);
	while (s->n_conns)
		pthread_cond_wait(&s->ended, &s->mutex);
	pthread_mutex_unlock(&s->mutex);
	if (s->listener >= 0)
		(void)close(s->listener);
	sinks_release(&s->sinks);
	faults_release(&s->faults);
	report_close(&s->report);
	capture_close(&s->capture);
	tls_context_free(s->tls);
	if (s->engine)
		engine_close(s->engine);
	pthread_cond_destroy(&s->ended);
	pthread_mutex_destroy(&s->mutex);
}
