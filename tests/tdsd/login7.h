/*
 * login7 - what a client says about itself (MS-TDS 2.2.6.4). Pure.
 */
#ifndef TDSD_LOGIN7_H
#define TDSD_LOGIN7_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "tests/tdsd/token.h"

struct login7 {
	uint32_t version, packet_size, program_version, pid;
	enum tds_level level;
	uint8_t flags1, flags2, flags3, type_flags;
	/* texts live in the arena, "" where there is none */
	const char *host, *user, *password, *program, *server, *library, *language, *database;
	const char *attach, *new_password;
	uint8_t client_id[6];
	const uint8_t *sspi; /* in the message */
	size_t sspi_len;
	bool integrated, read_only, utf8;
	uint32_t features; /* bit n: FeatureId n was asked */
};

/* ERR_DATA when it is none; ERR_CONFIG when its version is older than TDS 7.1. */
MUST_CHECK int login7_parse(const uint8_t *data, size_t len, struct arena *a,
	struct login7 *ret_login, struct err *err);

#endif
