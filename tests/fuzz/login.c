/*
 * Any bytes as all that a server sends, from PRELOGIN on: the login (libtds) and the answer
 * to a batch (ours) end with a result or an error, and read nothing that is not theirs.
 *
 * Over loopback, as it is: a thread listens, sends the input and hangs up. The corpus was
 * recorded from tests/tdsd (--record, encrypt none).
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "db/mssql_wire.h"

static int listener;
static char server[64], password_file[] = "/tmp/fuzz-login-XXXXXX";
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const uint8_t *input;
static size_t input_len;

static void die(const char *what)
{
	perror(what);
	abort();
}

static void *serve(void *arg)
{
	char unread[4096];

	(void)arg;
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			die("accept");
		pthread_mutex_lock(&mutex);
		for (size_t at = 0; at < input_len;) {
			ssize_t n = send(fd, input + at, input_len - at, MSG_NOSIGNAL);

			if (n <= 0)
				break;
			at += (size_t)n;
		}
		pthread_mutex_unlock(&mutex);
		shutdown(fd, SHUT_WR);
		while (recv(fd, unread, sizeof(unread), 0) > 0)
			;
		close(fd);
	}
	return NULL;
}

static void start(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	pthread_t thread;
	int fd = mkstemp(password_file);

	if (fd < 0 || write(fd, "x", 1) != 1)
		die(password_file);
	close(fd);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&a, sizeof(a)) || listen(listener, 16) ||
		getsockname(listener, (struct sockaddr *)&a, &len))
		die("listen");
	snprintf(server, sizeof(server), "127.0.0.1,%u", ntohs(a.sin_port));
	if (pthread_create(&thread, NULL, serve, NULL))
		die("a thread");
}

static void hear(void *arg, const struct mssql_message *m)
{
	size_t *total = arg;

	*total += strlen(m->text) + strlen(m->server) + strlen(m->procedure);
}

static void answer(struct mssql_wire *w)
{
	struct err err = ERR_INIT;
	enum mssql_event event;
	size_t len;

	if (mssql_wire_batch(w, "SELECT 1", 8, &err))
		return;
	while (mssql_wire_next(w, &event, &err) == 0 && event != MSSQL_END)
		if (event == MSSQL_ROW && mssql_wire_row(w, &len)[0] != 0xD1)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const struct mssql_options options = {.server = server,
		.user = "x",
		.password_file = password_file,
		.encrypt = MSSQL_ENCRYPT_OFF,
		.application_intent = "readwrite",
		.packet_size = 4096,
		.login_timeout = 2000};
	size_t heard = 0;
	const struct mssql_login login = {.options = &options, .application = "fuzz", .message = hear, .arg = &heard};
	enum mssql_layer layer;
	struct err err = ERR_INIT;
	struct mssql_wire *w;

	pthread_once(&once, start);
	pthread_mutex_lock(&mutex);
	input = data;
	input_len = size;
	pthread_mutex_unlock(&mutex);
	if (mssql_wire_open(&login, &w, &layer, &err) == 0) {
		answer(w);
		mssql_wire_close(w);
	}
	pthread_mutex_lock(&mutex);
	input_len = 0;
	pthread_mutex_unlock(&mutex);
	return 0;
}
