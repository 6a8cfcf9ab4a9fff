/*
 * token - the tokens of a server's answer (MS-TDS 2.2.7), but for columns and rows.
 *
 * What a client of an older version has otherwise is written so: row counts of 4
 * bytes and line numbers and user types of 2 below TDS 7.2.
 */
#ifndef TDSD_TOKEN_H
#define TDSD_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/tdsd/engine.h"
#include "tests/tdsd/wire.h"

/* The client's version, older ones first. */
enum tds_level { TDS_7_1, TDS_7_2, TDS_7_3A, TDS_7_3B, TDS_7_4, TDS_8_0 };

enum token {
	TOKEN_RETURNSTATUS = 0x79,
	TOKEN_COLMETADATA = 0x81,
	TOKEN_ORDER = 0xA9,
	TOKEN_ERROR = 0xAA,
	TOKEN_INFO = 0xAB,
	TOKEN_RETURNVALUE = 0xAC,
	TOKEN_LOGINACK = 0xAD,
	TOKEN_FEATUREEXTACK = 0xAE,
	TOKEN_ROW = 0xD1,
	TOKEN_NBCROW = 0xD2,
	TOKEN_ENVCHANGE = 0xE3,
	TOKEN_SSPI = 0xED,
	TOKEN_DONE = 0xFD,
	TOKEN_DONEPROC = 0xFE,
	TOKEN_DONEINPROC = 0xFF,
};

enum done_status {
	DONE_FINAL = 0x00,
	DONE_MORE = 0x01,
	DONE_ERROR = 0x02,
	DONE_COUNT = 0x10,
	DONE_ATTN = 0x20,
	DONE_SRVERROR = 0x100,
};

/* Of ENVCHANGE, besides those of the engine. */
enum env_type {
	ENV_PACKET_SIZE = 4,
	ENV_FAILOVER_PARTNER = 13,
	ENV_RESET_ACK = 18,
	ENV_ROUTING = 20,
};

struct done {
	enum token token; /* one of the three */
	uint16_t status, command;
	uint64_t count;
};

void token_done(struct wire *w, enum tds_level level, const struct done *d);
/* ERROR when the severity is above 10, else INFO. */
void token_message(
	struct wire *w, enum tds_level level, const struct engine_message *m, const char *server);
void token_env_text(struct wire *w, unsigned type, const char *now, const char *was);
void token_env_bytes(struct wire *w, unsigned type, const void *now, size_t now_len,
	const void *was, size_t was_len);
void token_routing(struct wire *w, const char *host, uint16_t port);
void token_loginack(struct wire *w, enum tds_level level, const char *program, uint32_t version);
/* By which columns rows are ordered, counted from 1. */
void token_order(struct wire *w, const uint16_t *columns, unsigned n);
void token_return_status(struct wire *w, int32_t status);

/* Texts: UTF-8 in, UTF-16LE out, cut to `max` units. The number of units comes first, in `size`
 * bytes (1, 2; 0: none). */
void token_add_text(struct buf *b, unsigned size, const char *text, size_t max);
void token_put_text(struct wire *w, unsigned size, const char *text, size_t max);

#endif
