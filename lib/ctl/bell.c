#include "ctl/bell.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

/*
 *	poke			look at the store
 *	ping NONCE		how are you?
 *	pong NONCE ANSWER	to the sender of a ping; never answered, so that nobody can make
 *				two bells talk to each other
 */
#define POKE       "poke"
#define PING       "ping "
#define PONG       "pong "
#define NONCE_LEN  16 /* hexadecimal digits */
#define PING_LEN   (sizeof(PING) - 1 + NONCE_LEN)
#define ANSWER_AT  (PING_LEN + 1)
#define PACKET_MAX (ANSWER_AT + BELL_ANSWER_MAX)
#define HEARD_MAX  64 /* datagrams in one call */
#define RETRY_MS   10 /* while somebody's queue is full */

struct bell {
	int fd;
};

struct address {
	struct sockaddr_un un;
	socklen_t len;
};

/* --- names --- */

/* FNV-1a, 64 bits (Fowler, Noll, Vo; RFC 9923). */
static uint64_t hash(const char *s)
{
	uint64_t h = UINT64_C(0xCBF29CE484222325);

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001B3);
	return h;
}

/* A name in the abstract namespace begins with a NUL and ends with its length. */
static struct address address_of(uint64_t store, int slot)
{
	struct address a = {.un.sun_family = AF_UNIX};
	int n = snprintf(
		a.un.sun_path + 1, sizeof(a.un.sun_path) - 1, "etl/%016" PRIx64 "/%d", store, slot);

	a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	return a;
}

static const struct sockaddr *any(const struct address *a)
{
	return (const struct sockaddr *)&a->un;
}

static int make_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* --- the bell --- */

/* 1: bound; 0: all slots are taken */
static int take_slot(int fd, const char *store, struct err *err)
{
	uint64_t h = hash(store);

	for (int slot = 0; slot < BELL_SLOTS; slot++) {
		struct address a = address_of(h, slot);

		if (bind(fd, any(&a), a.len) == 0)
			return 1;
		if (errno != EADDRINUSE)
			return err_errno(err, ERR_IO, errno, "bind the bell's socket");
	}
	return 0;
}

int bell_open(const char *store, struct bell **ret_bell, struct err *err)
{
	struct bell *b;
	int fd = make_socket(), bound;

	if (fd < 0)
		return err_errno(err, ERR_IO, errno, "make the bell's socket");
	bound = take_slot(fd, store, err);
	if (bound <= 0)
		close(fd);
	if (bound == 0)
		return err_set(err, ERR_LIMIT, "%d controllers of this store have a bell here",
			BELL_SLOTS);
	if (bound < 0)
		return -1;
	b = mem_alloc(sizeof(*b));
	b->fd = fd;
	*ret_bell = b;
	return 0;
}

void bell_close(struct bell *b)
{
	if (!b)
		return;
	close(b->fd);
	free(b);
}

int bell_fd(const struct bell *b)
{
	return b->fd;
}

/* Bytes of the datagram, cut at PACKET_MAX; -1 when there is none. */
static ssize_t receive(int fd, char packet[PACKET_MAX], struct address *ret_from)
{
	ssize_t n;

	do {
		ret_from->len = sizeof(ret_from->un);
		n = recvfrom(fd, packet, PACKET_MAX, 0, (struct sockaddr *)&ret_from->un,
			&ret_from->len);
	} while (n < 0 && errno == EINTR);
	return n;
}

static bool is_ping(const char *packet, size_t len)
{
	if (len != PING_LEN || memcmp(packet, PING, sizeof(PING) - 1) != 0)
		return false;
	for (size_t i = sizeof(PING) - 1; i < len; i++)
		if (!strchr("0123456789abcdef", packet[i]) || !packet[i])
			return false;
	return true;
}

/* What cannot be sent now is not sent: who asks counts it as silence. */
static void answer_ping(int fd, const char *ping, const struct address *from, const char *answer)
{
	char packet[PACKET_MAX];
	size_t len = strlen(answer);

	assert(len <= BELL_ANSWER_MAX);
	memcpy(packet, ping, PING_LEN);
	memcpy(packet, PONG, sizeof(PONG) - 1);
	packet[PING_LEN] = ' ';
	memcpy(packet + ANSWER_AT, answer, len);
	(void)!sendto(fd, packet, ANSWER_AT + len, MSG_NOSIGNAL, any(from), from->len);
}

bool bell_heard(struct bell *b, const char *answer)
{
	char packet[PACKET_MAX];
	struct address from;
	bool rang = false;
	ssize_t n;

	for (int i = 0; i < HEARD_MAX; i++) {
		n = receive(b->fd, packet, &from);
		if (n < 0)
			return rang;
		if ((size_t)n == sizeof(POKE) - 1 && memcmp(packet, POKE, sizeof(POKE) - 1) == 0)
			rang = true;
		else if (is_ping(packet, (size_t)n) && from.len > sizeof(sa_family_t))
			answer_ping(b->fd, packet, &from, answer);
	}
	return true; /* a poke that found the queue full counts as heard by its sender */
}

/* --- those who ring --- */

int bell_ring(const char *store)
{
	uint64_t h = hash(store);
	int fd = make_socket(), reached = 0;

	if (fd < 0)
		return 0;
	for (int slot = 0; slot < BELL_SLOTS; slot++) {
		struct address a = address_of(h, slot);
		ssize_t n = sendto(fd, POKE, sizeof(POKE) - 1, MSG_NOSIGNAL, any(&a), a.len);

		/* EAGAIN: its queue is full, so it has something to wake up for */
		reached += n >= 0 || errno == EAGAIN;
	}
	close(fd);
	return reached;
}

enum asked { NOBODY, QUEUE_FULL, ASKED, ANSWERED };

struct pinging {
	int fd;
	uint64_t store;
	char packet[PING_LEN];
	enum asked slots[BELL_SLOTS];
	struct buf *answers;
};

static int count(const struct pinging *p, enum asked what)
{
	int n = 0;

	for (int slot = 0; slot < BELL_SLOTS; slot++)
		n += p->slots[slot] == what;
	return n;
}

static void ask(struct pinging *p, int slot)
{
	struct address a = address_of(p->store, slot);

	if (sendto(p->fd, p->packet, PING_LEN, MSG_NOSIGNAL, any(&a), a.len) >= 0)
		p->slots[slot] = ASKED;
	else
		p->slots[slot] = errno == EAGAIN ? QUEUE_FULL : NOBODY;
}

/* Only from the bell that was asked, and once. */
static void take_answer(
	struct pinging *p, const char *packet, size_t len, const struct address *from)
{
	const size_t nonce = sizeof(PONG) - 1;

	if (len < ANSWER_AT || memcmp(packet, PONG, nonce) != 0 ||
		memcmp(packet + nonce, p->packet + nonce, NONCE_LEN) != 0)
		return;
	for (int slot = 0; slot < BELL_SLOTS; slot++) {
		struct address a = address_of(p->store, slot);

		if (p->slots[slot] != ASKED || from->len != a.len ||
			memcmp(&from->un, &a.un, a.len) != 0)
			continue;
		p->slots[slot] = ANSWERED;
		for (size_t i = ANSWER_AT; i < len; i++)
			buf_addc(p->answers, (unsigned char)packet[i] < ' ' ? ' ' : packet[i]);
		buf_addc(p->answers, '\n');
	}
}

static void take_answers(struct pinging *p)
{
	char packet[PACKET_MAX];
	struct address from;
	ssize_t n;

	for (int i = 0; i < HEARD_MAX && (n = receive(p->fd, packet, &from)) >= 0; i++)
		take_answer(p, packet, (size_t)n, &from);
}

static void wait_for_answers(struct pinging *p, int timeout_ms)
{
	const struct clock *clock = &clock_system;
	int64_t end = clock->monotonic(clock->arg) + timeout_ms, left;
	struct pollfd pfd = {.fd = p->fd, .events = POLLIN};

	while (count(p, ASKED) + count(p, QUEUE_FULL) > 0) {
		left = end - clock->monotonic(clock->arg);
		if (left <= 0)
			return;
		if (count(p, QUEUE_FULL) && left > RETRY_MS)
			left = RETRY_MS;
		if (poll(&pfd, 1, (int)left) > 0)
			take_answers(p);
		for (int slot = 0; slot < BELL_SLOTS; slot++)
			if (p->slots[slot] == QUEUE_FULL)
				ask(p, slot);
	}
}

/* It may have been closed before it came to the question. */
static bool has_bell(const struct pinging *p, int slot)
{
	struct address a = address_of(p->store, slot);

	return connect(p->fd, any(&a), a.len) == 0 || errno != ECONNREFUSED;
}

static int count_silent(const struct pinging *p)
{
	int n = 0;

	for (int slot = 0; slot < BELL_SLOTS; slot++)
		if (p->slots[slot] == ASKED || p->slots[slot] == QUEUE_FULL)
			n += has_bell(p, slot);
	return n;
}

/* The kernel chooses a name, so that an answer has where to go. */
static int make_asker(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = make_socket();

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&un, sizeof(sa_family_t)) < 0)
		mem_close_fd(&fd);
	return fd;
}

int bell_ping(const char *store, int timeout_ms, struct buf *ret_answers, int *ret_silent)
{
	struct pinging p = {.fd = make_asker(), .store = hash(store), .answers = ret_answers};
	char packet[PING_LEN + 1];
	uint64_t nonce;

	*ret_silent = 0;
	if (p.fd < 0)
		return 0;
	rnd_system.fill(rnd_system.arg, &nonce, sizeof(nonce));
	snprintf(packet, sizeof(packet), PING "%016" PRIx64, nonce);
	memcpy(p.packet, packet, PING_LEN);
	for (int slot = 0; slot < BELL_SLOTS; slot++)
		ask(&p, slot);
	wait_for_answers(&p, timeout_ms);
	*ret_silent = count_silent(&p);
	close(p.fd);
	return count(&p, ANSWERED);
}
