/*
 * token - the tokens of a server's answer (MS-TDS 2.2.7), one by one.
 *
 * For TDS 7.2 to 7.4 and 8.0: DONE counts rows in 8 bytes. Rows are not among them:
 * scan.h finds their ends. What a client of ours never asks for (data classification,
 * browse information, SSPI after the login) is passed over by its length, or an error
 * where it has none. Pure: the bytes may end anywhere.
 */
#ifndef TDS_TOKEN_H
#define TDS_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "tds/type.h"

enum tds_token_type {
	TDS_TOKEN_RETURNSTATUS = 0x79,
	TDS_TOKEN_COLMETADATA = 0x81,
	TDS_TOKEN_TABNAME = 0xA4,
	TDS_TOKEN_COLINFO = 0xA5,
	TDS_TOKEN_ORDER = 0xA9,
	TDS_TOKEN_ERROR = 0xAA,
	TDS_TOKEN_INFO = 0xAB,
	TDS_TOKEN_RETURNVALUE = 0xAC,
	TDS_TOKEN_ROW = 0xD1,
	TDS_TOKEN_NBCROW = 0xD2,
	TDS_TOKEN_ENVCHANGE = 0xE3,
	TDS_TOKEN_SESSIONSTATE = 0xE4,
	TDS_TOKEN_SSPI = 0xED,
	TDS_TOKEN_DONE = 0xFD,
	TDS_TOKEN_DONEPROC = 0xFE,
	TDS_TOKEN_DONEINPROC = 0xFF,
};

enum tds_done { /* MS-TDS 2.2.7.6 */
	TDS_DONE_MORE = 0x0001,
	TDS_DONE_ERROR = 0x0002,
	TDS_DONE_COUNT = 0x0010,
	TDS_DONE_ATTN = 0x0020,
	TDS_DONE_SRVERROR = 0x0100,
};

enum tds_env { /* MS-TDS 2.2.7.9 */
	TDS_ENV_DATABASE = 1,
	TDS_ENV_PACKET_SIZE = 4,
	TDS_ENV_COLLATION = 7,
	TDS_ENV_BEGIN = 8,
	TDS_ENV_COMMIT = 9,
	TDS_ENV_ROLLBACK = 10,
	TDS_ENV_TRANSACTION_ENDED = 17,
};

#define TDS_TRANSACTION_LEN 8

struct tds_token {
	uint8_t type; /* enum tds_token_type */
	union {
		struct tds_columns columns; /* COLMETADATA */
		struct {                    /* DONE, DONEPROC, DONEINPROC */
			uint16_t status, command;
			uint64_t count; /* with TDS_DONE_COUNT */
		} done;
		struct { /* ERROR, INFO; texts are UTF-8 */
			int32_t number, line;
			uint8_t state, severity;
			const char *text, *server, *procedure;
		} message;
		struct { /* ENVCHANGE: the bytes of the new value, for those of enum tds_env */
			uint8_t type;
			const uint8_t *value; /* points into the token */
			uint32_t len;
		} env;
		int32_t status; /* RETURNSTATUS */
		struct {        /* RETURNVALUE */
			struct tds_column column;
			const uint8_t *value; /* as in a row; points into the token */
			uint32_t len;
		} output;
	};
};

/* The token at *p, not past `end`; *p moves behind it. Texts and lists live in `a`. 1: so it is; 0:
 * there must be more bytes, and nothing was done; -1: ERR_DATA. Of ROW and NBCROW only the type is
 * told, and *p stays. */
MUST_CHECK int tds_token_read(const uint8_t **p, const uint8_t *end, struct arena *a,
	struct tds_token *ret_token, struct err *err);

#endif
