#include "tests/tdsd/browser.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/tdsd/server.h"

#define REQUEST_MAX 1024
#define LOOK_MS     100

/* MC-SQLR 2.2 */
enum { CLNT_BCAST_EX = 0x02, CLNT_UCAST_EX = 0x03, CLNT_UCAST_INST = 0x04, SVR_RESP = 0x05 };

struct browser {
	struct server *server;
	int fd;
	pthread_t thread;
};

/* Does the request mean this instance? */
static bool is_for(const struct server *s, const char *request, size_t len)
{
	if (len < 1)
		return false;
	if (request[0] == CLNT_BCAST_EX || request[0] == CLNT_UCAST_EX)
		return true;
	return request[0] == CLNT_UCAST_INST && strcasecmp(request + 1, s->options->instance) == 0;
}

static size_t write_answer(const struct server *s, char *out, size_t size)
{
	const struct options *o = s->options;
	int n = snprintf(out + 3, size - 3,
		"ServerName;%s;InstanceName;%s;IsClustered;No;Version;%u.%u.%u.0;tcp;%u;;",
		o->server_name, o->instance, (unsigned)(o->version >> 24),
		(unsigned)(o->version >> 16 & 0xFF), (unsigned)(o->version & 0xFFFF), s->port);
	size_t len = n < 0 || (size_t)n >= size - 3 ? 0 : (size_t)n;

	out[0] = SVR_RESP;
	out[1] = (char)len;
	out[2] = (char)(len >> 8);
	return len + 3;
}

static void answer(struct browser *b)
{
	char request[REQUEST_MAX + 1], out[REQUEST_MAX];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(b->fd, request, REQUEST_MAX, 0, (struct sockaddr *)&from, &from_len);

	if (n <= 0)
		return;
	request[n] = '\0';
	if (is_for(b->server, request, (size_t)n))
		(void)sendto(b->fd, out, write_answer(b->server, out, sizeof(out)), 0,
			(struct sockaddr *)&from, from_len);
}

static void *run(void *arg)
{
	struct browser *b = arg;
	struct pollfd p = {.fd = b->fd, .events = POLLIN};

	while (!atomic_load(&b->server->stopping))
		if (poll(&p, 1, LOOK_MS) > 0)
			answer(b);
	return NULL;
}

int browser_open(struct server *s, struct browser **ret_browser, struct err *err)
{
	const struct address *a = &s->options->browser;
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(a->port)};
	struct browser *b = mem_alloc(sizeof(*b));

	b->server = s;
	b->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (inet_pton(AF_INET, a->host, &addr.sin_addr) != 1)
		errno = EINVAL;
	else if (b->fd >= 0 && bind(b->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
		 pthread_create(&b->thread, NULL, run, b) == 0) {
		*ret_browser = b;
		return 0;
	}
	(void)err_set(err, ERR_NETWORK, "browser at %s:%u: %s", a->host, a->port, strerror(errno));
	if (b->fd >= 0)
		(void)close(b->fd);
	free(b);
	return -1;
}

void browser_close(struct browser *b)
{
	if (!b)
		return;
	(void)pthread_join(b->thread, NULL);
	(void)close(b->fd);
	free(b);
}
