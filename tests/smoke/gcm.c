/*
 * gcm - AES-GCM as the product has it, for test_gcm.py: lines of hexadecimal in, lines out.
 *
 *	gcm PROCESSOR
 *
 * "enc KEY NONCE AAD TEXT TAGLEN" gives "TEXT TAG", "dec KEY NONCE AAD TEXT TAG" "TEXT" or "FAIL"; "-" is an
 * empty value. Exit status 3: this machine has no such processor.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/gcm.h>

#include "base/gcm.h"

#define LINE (1u << 20)

struct bytes {
	uint8_t v[LINE / 8];
	size_t n;
};

static void parse(const char *hex, struct bytes *b)
{
	b->n = 0;
	if (strcmp(hex, "-") == 0)
		return;
	for (; hex[0] && hex[1]; hex += 2) {
		char byte[3] = {hex[0], hex[1], '\0'};

		b->v[b->n++] = (uint8_t)strtoul(byte, NULL, 16);
	}
}

static void print(const uint8_t *p, size_t n)
{
	if (n == 0)
		putchar('-');
	while (n--)
		printf("%02x", *p++);
}

static int one(char **word)
{
	static struct bytes key, nonce, aad, text, tag;
	mbedtls_gcm_context c;
	uint8_t made[16];
	size_t tag_len = strcmp(word[0], "enc") == 0 ? (size_t)atoi(word[5]) : 0;
	int rc;

	parse(word[1], &key);
	parse(word[2], &nonce);
	parse(word[3], &aad);
	parse(word[4], &text);
	mbedtls_gcm_init(&c);
	if (mbedtls_gcm_setkey(&c, MBEDTLS_CIPHER_ID_AES, key.v, (unsigned)(8 * key.n)))
		return 1;
	if (tag_len) {
		rc = mbedtls_gcm_crypt_and_tag(&c, MBEDTLS_GCM_ENCRYPT, text.n, nonce.v, nonce.n, aad.v, aad.n, text.v, text.v,
			tag_len, made);
		print(text.v, text.n);
		putchar(' ');
		print(made, tag_len);
	} else {
		parse(word[5], &tag);
		rc = mbedtls_gcm_auth_decrypt(&c, text.n, nonce.v, nonce.n, aad.v, aad.n, tag.v, tag.n, text.v, text.v);
		if (rc == 0)
			print(text.v, text.n);
		else if (rc == MBEDTLS_ERR_GCM_AUTH_FAILED)
			printf("FAIL");
		rc = rc == MBEDTLS_ERR_GCM_AUTH_FAILED ? 0 : rc;
	}
	putchar('\n');
	mbedtls_gcm_free(&c);
	return rc != 0;
}

int main(int argc, char **argv)
{
	static char line[LINE];

	if (argc != 2)
		return 2;
	if (!gcm_use(argv[1]))
		return 3;
	while (fgets(line, sizeof(line), stdin)) {
		char *word[6], *at = line;
		int n = 0;

		while (n < 6 && (word[n] = strsep(&at, " \n")))
			n++;
		if (n < 6 || one(word))
			return 1;
	}
	return 0;
}
