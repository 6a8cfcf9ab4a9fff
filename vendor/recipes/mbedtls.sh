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
	make -C library static CC="$CC" CFLAGS="$CFLAGS $(cipher_flags)"
	cp library/libmbed*.a "$out/lib"
	cp -r include/mbedtls include/psa "$out/include"
}

# Without these the AES instructions are reached through inline assembly only.
cipher_flags() {
	case $host in x86_64-*) echo '-msse2 -maes -mpclmul' ;; esac
}
