# shellcheck shell=bash disable=SC2034,SC2154
#
# mbedTLS: TLS 1.2 and 1.3, certificates, hashes.
#
# Why: small, made for static linking, and curl and FreeTDS can share it.
# From sid as long as trixie has 3.6.6: as a client that offers TLS 1.3 that
# one refuses the RSA-PSS signature of a server which settles on TLS 1.2.

package=mbedtls
suites='trixie sid'
series=3.6
licence='Apache-2.0 OR GPL-2.0-or-later'
licence_file=LICENSE
archives='libmbedtls.a libmbedx509.a libmbedcrypto.a'
instrument='asan'
sanitize=address,undefined

# The patch is upstream's fix of the above, for the day sid has moved on.
wanted_patch() {
	case $1:$(upstream_version "$package") in
	*rsa-pss*:3.6.[0-6]) true ;;
	*rsa-pss*) false ;;
	esac
}

build() {
	local option

	# one entropy source and certificate list serve many connections
	for option in THREADING_C THREADING_PTHREAD; do
		python3 scripts/config.py set MBEDTLS_$option
	done
	# MBEDTLS_SSL_RENEGOTIATION stays: with it the verify data that channel
	# bindings are made of is kept. It is off at run time.
	for option in SSL_PROTO_DTLS SSL_DTLS_ANTI_REPLAY SSL_DTLS_HELLO_VERIFY \
		SSL_DTLS_CLIENT_PORT_REUSE SSL_DTLS_CONNECTION_ID SSL_DTLS_CONNECTION_ID_COMPAT; do
		python3 scripts/config.py unset MBEDTLS_$option
	done
	# its own order has ChaCha20 first, which servers that follow the client would take
	python3 scripts/config.py set MBEDTLS_SSL_CIPHERSUITES "$(suites | paste -sd,)"
	cipher_beneath
	make -C library static CC="$CC" CFLAGS="$CFLAGS $(cipher_flags)"
	ar rD library/libmbedcrypto.a own/gcm_own.o
	cp library/libmbed*.a "$out/lib"
	cp -r include/mbedtls include/psa "$out/include"
	cp include/gcm_alt.h own/gcm_own.h "$out/include"
}

# What is offered by whoever says nothing of it himself, libcurl; for FreeTDS, which meets older servers, see
# lib/tds/tls.c.
suites() {
	local suite

	for suite in TLS1_3_{AES_256_GCM_SHA384,AES_128_GCM_SHA256,CHACHA20_POLY1305_SHA256} \
		TLS_ECDHE_{ECDSA,RSA}_WITH_{AES_256_GCM_SHA384,AES_128_GCM_SHA256,CHACHA20_POLY1305_SHA256}; do
		echo "MBEDTLS_$suite"
	done
}

# GCM is lib/base/gcm.c's. mbedTLS's own code for it stays, under names of its own, for what that one leaves to
# it: gcm_own.h.
cipher_beneath() {
	local name renames=() names='init setkey crypt_and_tag auth_decrypt starts update_ad update finish free'

	mkdir own
	cp include/mbedtls/mbedtls_config.h own/own_config.h
	for name in $names; do
		renames+=("-Dmbedtls_gcm_$name=gcm_own_$name")
	done
	renames+=(-Dmbedtls_gcm_self_test=gcm_own_self_test)
	cat > include/gcm_alt.h <<-'EOF'
		/* What MBEDTLS_GCM_ALT asks for. */
		typedef struct mbedtls_gcm_context {
			struct gcm_state *state;
		} mbedtls_gcm_context;
	EOF
	cat > own/gcm_own.h <<-'EOF'
		/* mbedTLS's own GCM: its functions, over a context of gcm_own_size() bytes. */
		#include <stddef.h>
		#include <mbedtls/cipher.h>
		size_t gcm_own_size(void);
		void gcm_own_init(void *ctx);
		int gcm_own_setkey(void *ctx, mbedtls_cipher_id_t cipher, const unsigned char *key, unsigned int keybits);
		int gcm_own_crypt_and_tag(void *ctx, int mode, size_t length, const unsigned char *iv, size_t iv_len,
			const unsigned char *add, size_t add_len, const unsigned char *input, unsigned char *output,
			size_t tag_len, unsigned char *tag);
		int gcm_own_starts(void *ctx, int mode, const unsigned char *iv, size_t iv_len);
		int gcm_own_update_ad(void *ctx, const unsigned char *add, size_t add_len);
		int gcm_own_update(void *ctx, const unsigned char *input, size_t input_length, unsigned char *output,
			size_t output_size, size_t *output_length);
		int gcm_own_finish(void *ctx, unsigned char *output, size_t output_size, size_t *output_length,
			unsigned char *tag, size_t tag_len);
		void gcm_own_free(void *ctx);
	EOF
	{
		echo '#include <stdlib.h>'
		echo '#include "gcm.c"'
		echo 'size_t gcm_own_size(void);'
		echo 'size_t gcm_own_size(void) { return sizeof(mbedtls_gcm_context); }'
		# for programs that only ask whether there is a TLS library: configure's
		for name in $names; do
			echo "void gcm_missing_$name(void);"
			echo "void gcm_missing_$name(void) { abort(); }"
			echo "__asm__(\".weak mbedtls_gcm_$name\\n.set mbedtls_gcm_$name, gcm_missing_$name\");"
		done
	} > own/gcm_own.c
	# shellcheck disable=SC2086 # a list of flags
	$CC $CFLAGS $(cipher_flags) -DMBEDTLS_CONFIG_FILE='"own_config.h"' "${renames[@]}" -Iown -Iinclude -Ilibrary \
		-c own/gcm_own.c -o own/gcm_own.o
	python3 scripts/config.py set MBEDTLS_GCM_ALT
}

# Without these the AES instructions are reached through inline assembly only.
cipher_flags() {
	case $host in x86_64-*) echo '-msse2 -maes -mpclmul' ;; esac
}
