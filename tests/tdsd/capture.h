/*
 * capture - what was said, kept in files: packets of TDS, decrypted.
 *
 * A pcap file has both directions as IPv4 and TCP with port 1433 at the server's end,
 * as tshark reads it. A record has what the server sent on one connection, packet
 * after packet: food for a fuzz target. The packets of a TLS handshake are in neither.
 */
#ifndef TDSD_CAPTURE_H
#define TDSD_CAPTURE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

struct capture {
	pthread_mutex_t mutex;
	FILE *pcap;         /* NULL: none */
	const char *record; /* directory, or NULL */
};

/* Either may be NULL. */
MUST_CHECK int capture_open(
	struct capture *c, const char *pcap, const char *record, struct err *err);
void capture_close(struct capture *c);

struct capture_conn {
	uint16_t port;
	uint32_t sent[2]; /* by the client, by the server */
	FILE *record;
};

void capture_begin(struct capture *c, struct capture_conn *conn, int number);
void capture_packet(
	struct capture *c, struct capture_conn *conn, bool out, const uint8_t *packet, size_t len);
void capture_end(struct capture_conn *conn);

#endif
