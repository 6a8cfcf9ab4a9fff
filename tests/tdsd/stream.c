#include "tests/tdsd/stream.h"

#include <sys/prctl.h>
#include <time.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define WAIT_MS 50 /* between looks at what can end a wait */

void stream_init(struct stream *s, int fd, atomic_bool *stopping, atomic_uint *clears)
{
	int on = 1;

	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->cut_in = s->cut_out = STREAM_UNLIMITED;
	s->stopping = stopping;
	s->clears = clears;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void stream_release(struct stream *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

void stream_cut(struct stream *s, bool reset)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};

	if (s->broken)
		return;
	s->broken = true;
	if (!reset) {
		(void)shutdown(s->fd, SHUT_RDWR);
		return;
	}
	/* RST is what close() sends; another socket keeps the number, which others may use */
	(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	int placeholder = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (placeholder < 0 || dup3(placeholder, s->fd, O_CLOEXEC) < 0)
		(void)shutdown(s->fd, SHUT_RDWR);
	if (placeholder >= 0)
		(void)close(placeholder);
}

bool stream_readable(const struct stream *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	return s->broken || s->in_pos < s->in_len || poll(&p, 1, 0) > 0;
}

void stream_stall(struct stream *s, int64_t ms)
{
	int64_t end = clock_system.monotonic(NULL) + ms;
	struct pollfd p = {.fd = s->fd, .events = POLLRDHUP};
	unsigned clears = atomic_load(s->clears);

	while (!s->broken && !atomic_load(s->stopping) && atomic_load(s->clears) == clears &&
		(ms == 0 || clock_system.monotonic(NULL) < end))
		if (poll(&p, 1, WAIT_MS) > 0)
			return;
}

void stream_delay(int64_t us)
{
	const struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	(void)prctl(PR_SET_TIMERSLACK, 1UL); /* of this thread, else it sleeps 50 us longer */
	(void)nanosleep(&t, NULL);
}

size_t stream_read(struct stream *s, void *buf, size_t len)
{
	if (s->in_pos == s->in_len) {
		size_t want = sizeof(s->in);
		ssize_t n;

		if (s->cut_in == 0)
			stream_cut(s, s->cut_by_reset);
		if (s->broken)
			return 0;
		if (want > s->cut_in)
			want = s->cut_in;
		do
			n = recv(s->fd, s->in, want, 0);
		while (n < 0 && errno == EINTR);
		if (n <= 0) {
			s->broken = true;
			return 0;
		}
		s->in_pos = 0;
		s->in_len = (size_t)n;
		atomic_fetch_add(&s->bytes_in, (uint64_t)n);
		if (s->cut_in != STREAM_UNLIMITED)
			s->cut_in -= (uint64_t)n;
	}
	if (len > s->in_len - s->in_pos)
		len = s->in_len - s->in_pos;
	memcpy(buf, s->in + s->in_pos, len);
	s->in_pos += len;
	return len;
}

static void pause_for(uint64_t bytes, uint64_t rate)
{
	uint64_t ns = bytes * UINT64_C(1000000000) / rate;
	struct timespec t = {
		.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	(void)nanosleep(&t, NULL);
}

static bool send_all(struct stream *s, const uint8_t *p, size_t len)
{
	while (len && !s->broken) {
		size_t some = s->segment && s->segment < len ? s->segment : len;
		ssize_t n;

		if (s->rate) {
			size_t tick = s->rate / 50 + 1;

			some = some < tick ? some : tick;
			if (atomic_load(s->stopping))
				return false;
			pause_for(some, s->rate);
		}
		n = send(s->fd, p, some, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			s->broken = true;
			return false;
		}
		p += n;
		len -= (size_t)n;
		atomic_fetch_add(&s->bytes_out, (uint64_t)n);
	}
	return !s->broken;
}

bool stream_write(struct stream *s, const void *data, size_t len)
{
	if (s->broken)
		return false;
	if (len > s->cut_out) {
		(void)send_all(s, data, s->cut_out);
		stream_cut(s, s->cut_by_reset);
		return false;
	}
	if (s->cut_out != STREAM_UNLIMITED)
		s->cut_out -= len;
	return send_all(s, data, len);
}
