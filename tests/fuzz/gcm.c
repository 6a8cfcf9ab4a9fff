/*
 * Any key, nonce, addition and text: the same as mbedTLS's own code makes of them, whatever the processor's
 * routines are, and back.
 */
#include "base/gcm.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/gcm.h>

#include <gcm_own.h>

#define HEAD (1 + 1 + 1 + 1 + 32 + 16) /* key size, length of the nonce, of the addition, of the tag, key, nonce */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned bits[] = {128, 192, 256, 256};
	const uint8_t *key = data + 4, *nonce = data + 36, *aad = data + HEAD, *text;
	size_t iv_len, aad_len, tag_len, len;
	uint8_t want_tag[16], tag[16], *want, *out;
	mbedtls_gcm_context c;
	void *own;

	if (size < HEAD)
		return 0;
	size -= HEAD;
	iv_len = data[1] & 3 ? 12 : 1 + data[1] % 16;
	aad_len = data[2] < size ? data[2] : size;
	tag_len = 4 + data[3] % 13;
	text = aad + aad_len;
	len = size - aad_len;
	want = calloc(1, len + 1);
	out = calloc(1, len + 1);
	own = calloc(1, gcm_own_size());
	gcm_own_init(own);
	must(gcm_own_setkey(own, MBEDTLS_CIPHER_ID_AES, key, bits[data[0] % 4]) == 0);
	must(gcm_own_crypt_and_tag(own, MBEDTLS_GCM_ENCRYPT, len, nonce, iv_len, aad, aad_len, text, want, tag_len, want_tag) == 0);
	mbedtls_gcm_init(&c);
	must(mbedtls_gcm_setkey(&c, MBEDTLS_CIPHER_ID_AES, key, bits[data[0] % 4]) == 0);
	must(mbedtls_gcm_crypt_and_tag(&c, MBEDTLS_GCM_ENCRYPT, len, nonce, iv_len, aad, aad_len, text, out, tag_len, tag) == 0);
	must(memcmp(out, want, len) == 0 && memcmp(tag, want_tag, tag_len) == 0);
	must(mbedtls_gcm_auth_decrypt(&c, len, nonce, iv_len, aad, aad_len, tag, tag_len, out, out) == 0);
	must(memcmp(out, text, len) == 0);
	mbedtls_gcm_free(&c);
	gcm_own_free(own);
	free(own);
	free(out);
	free(want);
	return 0;
}
