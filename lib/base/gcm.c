#include "base/gcm.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/constant_time.h>
#include <mbedtls/gcm.h>
#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>

#include <gcm_own.h>

#include "base/mem.h"

#define NONCE_LEN 12
#define TAG_MIN	  4
#define TAG_LEN	  16
#define KEY_MAX	  32
#define INPUT_MAX 0xFFFFFFFE0ull /* bytes of a message: SP 800-38D 5.2.1.1 */

#if defined(__x86_64__)
#include <cpuid.h>
#include <intel-ipsec-mb.h>
#define ALIGNMENT 64 /* of gcm_key_data */

typedef void whole_message(const struct gcm_key_data *key, struct gcm_context_data *context, uint8_t *out,
	const uint8_t *in, uint64_t len, const uint8_t *nonce, const uint8_t *aad, uint64_t aad_len, uint8_t *tag,
	uint64_t tag_len);

/* The library's header has them behind its manager, with everything that it can do. */
whole_message aes_gcm_enc_128_avx_gen4, aes_gcm_dec_128_avx_gen4, aes_gcm_enc_256_avx_gen4, aes_gcm_dec_256_avx_gen4;
void aes_keyexp_128_enc_avx2(const void *key, void *expanded);
void aes_keyexp_256_enc_avx2(const void *key, void *expanded);
void aes_gcm_precomp_128_avx_gen4(struct gcm_key_data *key);
void aes_gcm_precomp_256_avx_gen4(struct gcm_key_data *key);

struct fast {
	unsigned keybits;
	void (*expand)(const void *key, void *expanded);
	void (*prepare)(struct gcm_key_data *key);
	whole_message *encrypt, *decrypt;
};

static const struct fast fasts[] = {
	{256, aes_keyexp_256_enc_avx2, aes_gcm_precomp_256_avx_gen4, aes_gcm_enc_256_avx_gen4,
		aes_gcm_dec_256_avx_gen4},
	{128, aes_keyexp_128_enc_avx2, aes_gcm_precomp_128_avx_gen4, aes_gcm_enc_128_avx_gen4,
		aes_gcm_dec_128_avx_gen4},
};
#else
struct fast;
struct gcm_key_data;
#endif

struct gcm_state {
	mbedtls_cipher_id_t cipher;
	unsigned keybits;
	unsigned char bytes[KEY_MAX]; /* the key, for `own` */
	const struct fast *fast;      /* NULL: there is none for this key */
	struct gcm_key_data *key;     /* in `memory` */
	void *memory;
	void *own; /* NULL: nobody has asked for it yet */
};

/* --- what the processor has --- */

/* Which is used at most, for all; -1: whatever there is. Written by gcm_use alone, before there are threads. */
static int level = -1;
static const char *const levels[] = {"own", "avx2"};

#if defined(__x86_64__)
/* Bits of CPUID and of XCR0 (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, 14.3 and
 * 14.7): what the processor has, and what the system keeps of it. */
#define LEAF1_ECX (1u << 1 | 1u << 25 | 1u << 27 | 1u << 28) /* PCLMULQDQ, AES, OSXSAVE, AVX */
#define LEAF7_EBX (1u << 5 | 1u << 8)			      /* AVX2, BMI2 */
#define XCR0_YMM  0x06u

static bool has(unsigned value, unsigned bits)
{
	return (value & bits) == bits;
}

static int processor_level(void)
{
	unsigned a, b, c, d, c1, xcr0;

	if (!__get_cpuid(1, &a, &b, &c1, &d) || !has(c1, LEAF1_ECX) || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return 0;
	__asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(d) : "c"(0));
	return has(b, LEAF7_EBX) && has(xcr0, XCR0_YMM);
}
#else
static int processor_level(void)
{
	return 0;
}
#endif

static int used_level(void)
{
	int most = processor_level();

	return level < 0 || level > most ? most : level;
}

const char *gcm_processor(void)
{
	return levels[used_level()];
}

bool gcm_use(const char *name)
{
	for (int i = 0; i < (int)ARRAY_LEN(levels); i++)
		if (strcmp(levels[i], name) == 0 && i <= processor_level()) {
			level = i;
			return true;
		}
	return false;
}

/* --- keys --- */

static void forget_keys(struct gcm_state *s)
{
	if (s->own)
		gcm_own_free(s->own);
	free(mem_steal(s->own));
#if defined(__x86_64__)
	if (s->memory)
		mbedtls_platform_zeroize(s->memory, sizeof(struct gcm_key_data) + ALIGNMENT);
#endif
	free(mem_steal(s->memory));
	s->key = NULL;
	s->fast = NULL;
	mbedtls_platform_zeroize(s->bytes, sizeof(s->bytes));
}

#if defined(__x86_64__)
static int prepare_fast(struct gcm_state *s, const unsigned char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(fasts) && used_level() > 0; i++)
		if (fasts[i].keybits == s->keybits)
			s->fast = &fasts[i];
	if (!s->fast)
		return 0;
	s->memory = calloc(1, sizeof(struct gcm_key_data) + ALIGNMENT);
	if (!s->memory)
		return MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
	s->key = (struct gcm_key_data *)(((uintptr_t)s->memory + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
	s->fast->expand(key, s->key->expanded_keys);
	s->fast->prepare(s->key);
	return 0;
}
#else
static int prepare_fast(struct gcm_state *s, const unsigned char *key)
{
	(void)s;
	(void)key;
	return 0;
}
#endif

/* mbedTLS's own, made when it is first needed. */
static int own(struct gcm_state *s, void **ret_own)
{
	int rc;

	if (!s)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	if (!s->own) {
		s->own = calloc(1, gcm_own_size());
		if (!s->own)
			return MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
		gcm_own_init(s->own);
		rc = s->fast ? gcm_own_setkey(s->own, s->cipher, s->bytes, s->keybits) : 0;
		if (rc) {
			gcm_own_free(s->own);
			free(mem_steal(s->own));
			return rc;
		}
	}
	*ret_own = s->own;
	return 0;
}

void mbedtls_gcm_init(mbedtls_gcm_context *ctx)
{
	ctx->state = NULL;
}

void mbedtls_gcm_free(mbedtls_gcm_context *ctx)
{
	if (!ctx || !ctx->state)
		return;
	forget_keys(ctx->state);
	free(mem_steal(ctx->state));
}

int mbedtls_gcm_setkey(mbedtls_gcm_context *ctx, mbedtls_cipher_id_t cipher, const unsigned char *key,
	unsigned int keybits)
{
	struct gcm_state *s = ctx->state ? ctx->state : calloc(1, sizeof(*s));
	void *theirs;
	int rc;

	if (!s)
		return MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
	ctx->state = s;
	forget_keys(s);
	s->cipher = cipher;
	s->keybits = keybits;
	if (cipher == MBEDTLS_CIPHER_ID_AES) {
		rc = prepare_fast(s, key);
		if (rc || s->fast) {
			if (rc == 0)
				memcpy(s->bytes, key, keybits / 8);
			return rc;
		}
	}
	rc = own(s, &theirs);
	return rc ? rc : gcm_own_setkey(theirs, cipher, key, keybits);
}

/* --- whole messages --- */

static bool is_for_fast(const struct gcm_state *s, size_t length, size_t iv_len, size_t tag_len)
{
	return s && s->fast && iv_len == NONCE_LEN && tag_len >= TAG_MIN && tag_len <= TAG_LEN && length <= INPUT_MAX;
}

#if defined(__x86_64__)
static void run_fast(const struct gcm_state *s, int mode, size_t length, const unsigned char *iv,
	const unsigned char *add, size_t add_len, const unsigned char *input, unsigned char *output, size_t tag_len,
	unsigned char *tag)
{
	struct gcm_context_data context;
	unsigned char whole[TAG_LEN];

	(mode == MBEDTLS_GCM_ENCRYPT ? s->fast->encrypt : s->fast->decrypt)(
		s->key, &context, output, input, length, iv, add, add_len, whole, TAG_LEN);
	memcpy(tag, whole, tag_len);
	mbedtls_platform_zeroize(&context, sizeof(context));
	mbedtls_platform_zeroize(whole, sizeof(whole));
}
#else
static void run_fast(const struct gcm_state *s, int mode, size_t length, const unsigned char *iv,
	const unsigned char *add, size_t add_len, const unsigned char *input, unsigned char *output, size_t tag_len,
	unsigned char *tag)
{
	(void)s, (void)mode, (void)length, (void)iv, (void)add, (void)add_len, (void)input, (void)output;
	(void)tag_len, (void)tag;
	abort(); /* no key is prepared for it */
}
#endif

int mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t length, const unsigned char *iv,
	size_t iv_len, const unsigned char *add, size_t add_len, const unsigned char *input, unsigned char *output,
	size_t tag_len, unsigned char *tag)
{
	void *theirs;
	int rc;

	if (is_for_fast(ctx->state, length, iv_len, tag_len)) {
		run_fast(ctx->state, mode, length, iv, add, add_len, input, output, tag_len, tag);
		return 0;
	}
	rc = own(ctx->state, &theirs);
	return rc ? rc
		  : gcm_own_crypt_and_tag(
			    theirs, mode, length, iv, iv_len, add, add_len, input, output, tag_len, tag);
}

int mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t length, const unsigned char *iv, size_t iv_len,
	const unsigned char *add, size_t add_len, const unsigned char *tag, size_t tag_len, const unsigned char *input,
	unsigned char *output)
{
	unsigned char found[TAG_LEN];
	int rc = tag_len > TAG_LEN ? MBEDTLS_ERR_GCM_BAD_INPUT
				   : mbedtls_gcm_crypt_and_tag(ctx, MBEDTLS_GCM_DECRYPT, length, iv, iv_len, add, add_len,
					     input, output, tag_len, found);

	if (rc == 0 && mbedtls_ct_memcmp(tag, found, tag_len) != 0) {
		mbedtls_platform_zeroize(output, length);
		rc = MBEDTLS_ERR_GCM_AUTH_FAILED;
	}
	mbedtls_platform_zeroize(found, sizeof(found));
	return rc;
}

/* --- in pieces --- */

int mbedtls_gcm_starts(mbedtls_gcm_context *ctx, int mode, const unsigned char *iv, size_t iv_len)
{
	void *theirs;
	int rc = own(ctx->state, &theirs);

	return rc ? rc : gcm_own_starts(theirs, mode, iv, iv_len);
}

int mbedtls_gcm_update_ad(mbedtls_gcm_context *ctx, const unsigned char *add, size_t add_len)
{
	void *theirs;
	int rc = own(ctx->state, &theirs);

	return rc ? rc : gcm_own_update_ad(theirs, add, add_len);
}

int mbedtls_gcm_update(mbedtls_gcm_context *ctx, const unsigned char *input, size_t input_length,
	unsigned char *output, size_t output_size, size_t *output_length)
{
	void *theirs;
	int rc = own(ctx->state, &theirs);

	return rc ? rc : gcm_own_update(theirs, input, input_length, output, output_size, output_length);
}

int mbedtls_gcm_finish(mbedtls_gcm_context *ctx, unsigned char *output, size_t output_size, size_t *output_length,
	unsigned char *tag, size_t tag_len)
{
	void *theirs;
	int rc = own(ctx->state, &theirs);

	return rc ? rc : gcm_own_finish(theirs, output, output_size, output_length, tag, tag_len);
}
