#include "base/gcm.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/gcm.h>

#include <gcm_own.h>

#include "unit/support.h"

#define SIZE_MAX_TRIED 700 /* several rounds of what takes eight blocks at once */
#define ROOM	       (SIZE_MAX_TRIED + 64)

static const char *const all[] = {"own", "avx2"};
static uint8_t text[ROOM], key[32], nonce[64], aad[300];

static void fill(uint8_t *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
}

static int setup(void **state)
{
	(void)state;
	fill(text, sizeof(text), 1);
	fill(key, sizeof(key), 2);
	fill(nonce, sizeof(nonce), 3);
	fill(aad, sizeof(aad), 4);
	return 0;
}

static void open_context(mbedtls_gcm_context *c, unsigned bits)
{
	mbedtls_gcm_init(c);
	assert_int_equal(mbedtls_gcm_setkey(c, MBEDTLS_CIPHER_ID_AES, key, bits), 0);
}

/* What mbedTLS's own code makes of it. */
static void expect(unsigned bits, size_t len, size_t iv_len, size_t aad_len, size_t tag_len, uint8_t *out, uint8_t *tag)
{
	void *own = calloc(1, gcm_own_size());

	gcm_own_init(own);
	assert_int_equal(gcm_own_setkey(own, MBEDTLS_CIPHER_ID_AES, key, bits), 0);
	assert_int_equal(gcm_own_crypt_and_tag(own, MBEDTLS_GCM_ENCRYPT, len, nonce, iv_len, aad, aad_len, text, out, tag_len,
				 tag), 0);
	gcm_own_free(own);
	free(own);
}

static void check_one(unsigned bits, size_t len, size_t iv_len, size_t aad_len, size_t tag_len, size_t offset)
{
	uint8_t want[ROOM], want_tag[16], in[ROOM], out[ROOM], tag[16];
	mbedtls_gcm_context c;

	expect(bits, len, iv_len, aad_len, tag_len, want, want_tag);
	open_context(&c, bits);
	memcpy(in + offset, text, len);
	assert_int_equal(mbedtls_gcm_crypt_and_tag(&c, MBEDTLS_GCM_ENCRYPT, len, nonce, iv_len, aad, aad_len, in + offset,
				 out + offset, tag_len, tag), 0);
	assert_memory_equal(out + offset, want, len);
	assert_memory_equal(tag, want_tag, tag_len);
	/* in place, and back */
	assert_int_equal(mbedtls_gcm_crypt_and_tag(&c, MBEDTLS_GCM_ENCRYPT, len, nonce, iv_len, aad, aad_len, in + offset,
				 in + offset, tag_len, tag), 0);
	assert_memory_equal(in + offset, want, len);
	assert_int_equal(mbedtls_gcm_auth_decrypt(&c, len, nonce, iv_len, aad, aad_len, tag, tag_len, in + offset, in + offset), 0);
	assert_memory_equal(in + offset, text, len);
	mbedtls_gcm_free(&c);
}

static void for_each_processor(void (*check)(void))
{
	unsigned done = 0;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (gcm_use(all[i])) {
			assert_string_equal(gcm_processor(), all[i]);
			check();
			done++;
		}
	assert_true(done >= 1);
	assert_false(gcm_use("sparc"));
}

static void check_sizes(void)
{
	for (size_t len = 0; len <= SIZE_MAX_TRIED; len += len < 70 ? 1 : 31) {
		check_one(256, len, 12, 13, 16, len % 17);
		check_one(128, len, 12, 5, 16, len % 5);
	}
	check_one(192, 100, 12, 13, 16, 0);
}

static void every_size_is_as_mbedtls_has_it(void **state)
{
	(void)state;
	for_each_processor(check_sizes);
}

static void check_odd(void)
{
	static const size_t ivs[] = {1, 8, 11, 12, 13, 16, 60}, aads[] = {0, 1, 15, 16, 17, 255, 300}, tags[] = {4, 8, 12, 13, 16};

	for (size_t i = 0; i < ARRAY_LEN(ivs); i++)
		for (size_t j = 0; j < ARRAY_LEN(aads); j++)
			for (size_t k = 0; k < ARRAY_LEN(tags); k++)
				check_one(256, 77, ivs[i], aads[j], tags[k], 3);
}

static void other_nonces_additions_and_tags(void **state)
{
	(void)state;
	for_each_processor(check_odd);
}

/* In pieces of any size, additional data too, it is the same message. */
static void check_pieces(void)
{
	uint8_t want[ROOM], want_tag[16], out[ROOM], tag[16];
	const size_t len = 333, aad_len = 40;

	expect(256, len, 12, aad_len, 16, want, want_tag);
	for (size_t piece = 1; piece <= len; piece += piece < 40 ? 1 : 47) {
		mbedtls_gcm_context c;
		size_t at = 0, got = 0, n;

		open_context(&c, 256);
		assert_int_equal(mbedtls_gcm_starts(&c, MBEDTLS_GCM_ENCRYPT, nonce, 12), 0);
		for (size_t a = 0; a < aad_len; a += n) {
			n = aad_len - a < piece ? aad_len - a : piece;
			assert_int_equal(mbedtls_gcm_update_ad(&c, aad + a, n), 0);
		}
		for (; at < len; at += n) {
			size_t made;

			n = len - at < piece ? len - at : piece;
			assert_int_equal(mbedtls_gcm_update(&c, text + at, n, out + got, sizeof(out) - got, &made), 0);
			got += made;
		}
		assert_int_equal(mbedtls_gcm_finish(&c, out + got, sizeof(out) - got, &n, tag, 16), 0);
		assert_int_equal(got + n, len);
		assert_memory_equal(out, want, len);
		assert_memory_equal(tag, want_tag, 16);
		mbedtls_gcm_free(&c);
	}
}

static void in_pieces(void **state)
{
	(void)state;
	for_each_processor(check_pieces);
}

static void check_refusals(void)
{
	uint8_t out[100], tag[16], plain[100];
	mbedtls_gcm_context c;

	open_context(&c, 256);
	assert_int_equal(mbedtls_gcm_crypt_and_tag(&c, MBEDTLS_GCM_ENCRYPT, 100, nonce, 12, aad, 13, text, out, 16, tag), 0);
	for (int bit = 0; bit < 128; bit += 7) {
		memset(plain, 0xAA, sizeof(plain));
		tag[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(mbedtls_gcm_auth_decrypt(&c, 100, nonce, 12, aad, 13, tag, 16, out, plain),
			MBEDTLS_ERR_GCM_AUTH_FAILED);
		for (size_t i = 0; i < sizeof(plain); i++)
			assert_int_equal(plain[i], 0); /* nobody sees what was not authentic */
		tag[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(mbedtls_gcm_crypt_and_tag(&c, MBEDTLS_GCM_ENCRYPT, 10, nonce, 12, NULL, 0, text, out, 17, tag),
		MBEDTLS_ERR_GCM_BAD_INPUT);
	assert_int_equal(mbedtls_gcm_crypt_and_tag(&c, MBEDTLS_GCM_ENCRYPT, 10, nonce, 12, NULL, 0, text, out, 3, tag),
		MBEDTLS_ERR_GCM_BAD_INPUT);
	assert_int_equal(mbedtls_gcm_crypt_and_tag(&c, MBEDTLS_GCM_ENCRYPT, 10, nonce, 0, NULL, 0, text, out, 16, tag),
		MBEDTLS_ERR_GCM_BAD_INPUT);
	mbedtls_gcm_free(&c);
	mbedtls_gcm_free(&c);
	mbedtls_gcm_free(NULL);
}

static void what_is_not_authentic_is_refused(void **state)
{
	(void)state;
	for_each_processor(check_refusals);
}

static void check_keys(void)
{
	uint8_t first[16], second[16], tag[16];
	mbedtls_gcm_context c;

	open_context(&c, 256);
	assert_int_equal(mbedtls_gcm_crypt_and_tag(&c, MBEDTLS_GCM_ENCRYPT, 16, nonce, 12, NULL, 0, text, first, 16, tag), 0);
	assert_int_equal(mbedtls_gcm_setkey(&c, MBEDTLS_CIPHER_ID_AES, key, 128), 0);
	assert_int_equal(mbedtls_gcm_crypt_and_tag(&c, MBEDTLS_GCM_ENCRYPT, 16, nonce, 12, NULL, 0, text, second, 16, tag), 0);
	assert_memory_not_equal(first, second, 16);
	assert_int_equal(mbedtls_gcm_setkey(&c, MBEDTLS_CIPHER_ID_AES, key, 256), 0);
	assert_int_equal(mbedtls_gcm_crypt_and_tag(&c, MBEDTLS_GCM_ENCRYPT, 16, nonce, 12, NULL, 0, text, second, 16, tag), 0);
	assert_memory_equal(first, second, 16);
	assert_int_not_equal(mbedtls_gcm_setkey(&c, MBEDTLS_CIPHER_ID_AES, key, 100), 0);
	mbedtls_gcm_free(&c);
}

static void a_context_takes_another_key(void **state)
{
	(void)state;
	for_each_processor(check_keys);
}

static void check_itself(void)
{
	assert_int_equal(mbedtls_gcm_self_test(0), 0);
}

static void mbedtls_tests_itself(void **state)
{
	(void)state;
	for_each_processor(check_itself);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_is_as_mbedtls_has_it),
		cmocka_unit_test(other_nonces_additions_and_tags),
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(what_is_not_authentic_is_refused),
		cmocka_unit_test(a_context_takes_another_key),
		cmocka_unit_test(mbedtls_tests_itself),
	};

	return cmocka_run_group_tests_name("base/gcm", tests, setup, NULL);
}
