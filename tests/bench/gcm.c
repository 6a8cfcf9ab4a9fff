/*
 * gcm - AES-256-GCM on one core, messages of so many bytes with a nonce and 13 bytes of addition, as TLS has them.
 *
 *	gcm PROCESSOR BYTES	"own": mbedTLS's code
 *
 * Prints "mb_per_s NUMBER", or nothing where the machine has no such processor.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <mbedtls/gcm.h>

#include "base/gcm.h"

#define SECONDS 0.4
#define ROUND	64

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static const uint8_t key[32], nonce[12], aad[13];
	static uint8_t text[1 << 20], tag[16];
	mbedtls_gcm_context c;
	size_t size = argc == 3 ? (size_t)atoi(argv[2]) : 0;
	double start, passed = 0, bytes = 0;

	if (size == 0 || size > sizeof(text))
		return 2;
	if (!gcm_use(argv[1]))
		return 0;
	mbedtls_gcm_init(&c);
	if (mbedtls_gcm_setkey(&c, MBEDTLS_CIPHER_ID_AES, key, 256))
		return 1;
	for (start = cpu(); passed < SECONDS; passed = cpu() - start) {
		for (int i = 0; i < ROUND; i++)
			if (mbedtls_gcm_crypt_and_tag(&c, MBEDTLS_GCM_ENCRYPT, size, nonce, sizeof(nonce), aad, sizeof(aad), text,
				    text, sizeof(tag), tag))
				return 1;
		bytes += ROUND * (double)size;
	}
	printf("mb_per_s %.1f\n", bytes / passed / 1e6);
	mbedtls_gcm_free(&c);
	return 0;
}
