#include "tests/tdsd/capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"

#define LINKTYPE_RAW 101 /* a packet begins with its IP header */
#define SERVER_PORT  1433
#define FIRST_PORT   10000
#define IP_SIZE      20
#define TCP_SIZE     20
#define TCP_SYN      0x02
#define TCP_PUSH     0x08
#define TCP_ACK      0x10

static void write_header(FILE *f)
{
	const uint32_t magic = 0xA1B2C3D4, rest[] = {0, 0, 65535, LINKTYPE_RAW};
	const uint16_t version[] = {2, 4};

	(void)fwrite(&magic, sizeof(magic), 1, f);
	(void)fwrite(version, sizeof(version), 1, f);
	(void)fwrite(rest, sizeof(rest), 1, f);
}

int capture_open(struct capture *c, const char *pcap, const char *record, struct err *err)
{
	*c = (struct capture){.record = record};
	pthread_mutex_init(&c->mutex, NULL);
	if (record && mkdir(record, 0777) < 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "'%s': %s", record, strerror(errno));
	if (!pcap)
		return 0;
	c->pcap = fopen(pcap, "wbe");
	if (!c->pcap)
		return err_set(err, ERR_IO, "'%s': %s", pcap, strerror(errno));
	write_header(c->pcap);
	return 0;
}

void capture_close(struct capture *c)
{
	if (c->pcap)
		(void)fclose(c->pcap);
	c->pcap = NULL;
	pthread_mutex_destroy(&c->mutex);
}

/* --- segments --------------------------------------------------------------------- */

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	v = htons(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static uint8_t *put_ip(uint8_t *p, bool out, size_t len)
{
	uint8_t *start = p;
	uint32_t sum = 0;

	*p++ = 0x45;
	*p++ = 0;
	p = put16(p, (uint16_t)(IP_SIZE + TCP_SIZE + len));
	p = put32(p, 0);
	*p++ = 64;
	*p++ = IPPROTO_TCP;
	p = put16(p, 0);
	p = put32(p, out ? 0x7F000001 : 0x7F000002);
	p = put32(p, out ? 0x7F000002 : 0x7F000001);
	for (int i = 0; i < IP_SIZE; i += 2)
		sum += (uint32_t)(start[i] << 8 | start[i + 1]);
	sum = (sum & 0xFFFF) + (sum >> 16);
	(void)put16(start + 10, (uint16_t) ~(sum + (sum >> 16)));
	return p;
}

static void segment(struct capture *c, struct capture_conn *conn, bool out, uint8_t flags,
	const uint8_t *data, size_t len)
{
	uint8_t head[IP_SIZE + TCP_SIZE], *p = put_ip(head, out, len);
	struct timespec now;
	uint32_t frame[4];

	(void)clock_gettime(CLOCK_REALTIME, &now);
	p = put16(p, out ? SERVER_PORT : conn->port);
	p = put16(p, out ? conn->port : SERVER_PORT);
	p = put32(p, conn->sent[out]);
	p = put32(p, conn->sent[!out]);
	*p++ = TCP_SIZE / 4 << 4;
	*p++ = flags;
	p = put16(p, 65535);
	(void)put32(p, 0); /* no checksum, not urgent */
	conn->sent[out] += (uint32_t)len + (flags & TCP_SYN ? 1 : 0);
	frame[0] = (uint32_t)now.tv_sec;
	frame[1] = (uint32_t)(now.tv_nsec / 1000);
	frame[2] = frame[3] = (uint32_t)(sizeof(head) + len);
	(void)fwrite(frame, sizeof(frame), 1, c->pcap);
	(void)fwrite(head, sizeof(head), 1, c->pcap);
	if (len)
		(void)fwrite(data, len, 1, c->pcap);
}

void capture_begin(struct capture *c, struct capture_conn *conn, int number)
{
	char path[4096];

	*conn = (struct capture_conn){.port = (uint16_t)(FIRST_PORT + number % 50000)};
	if (c->record &&
		snprintf(path, sizeof(path), "%s/%d", c->record, number) < (int)sizeof(path))
		conn->record = fopen(path, "wbe");
	if (!c->pcap)
		return;
	pthread_mutex_lock(&c->mutex);
	segment(c, conn, false, TCP_SYN, NULL, 0);
	segment(c, conn, true, TCP_SYN | TCP_ACK, NULL, 0);
	segment(c, conn, false, TCP_ACK, NULL, 0);
	pthread_mutex_unlock(&c->mutex);
}

void capture_packet(
	struct capture *c, struct capture_conn *conn, bool out, const uint8_t *packet, size_t len)
{
	if (conn->record && out)
		(void)fwrite(packet, len, 1, conn->record);
	if (!c->pcap)
		return;
	pthread_mutex_lock(&c->mutex);
	segment(c, conn, out, TCP_PUSH | TCP_ACK, packet, len);
	pthread_mutex_unlock(&c->mutex);
}

void capture_end(struct capture_conn *conn)
{
	if (conn->record)
		(void)fclose(conn->record);
	conn->record = NULL;
}
