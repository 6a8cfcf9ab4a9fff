# shellcheck shell=bash disable=SC2034,SC2154
#
# FreeTDS: the TDS protocol of Microsoft SQL Server; libtds only.
#
# Why: the one free implementation in C, twenty-five years in production.
# libtds and not db-lib above it, whose handlers are global to the process and
# whose default answer to a timeout is exit().
#
# It knows GnuTLS and OpenSSL; our patch lets lib/tds/tls.c stand in for its TLS
# and random numbers, so it needs no library for them. Its Kerberos login is its
# own, on Heimdal's GSSAPI.

package=freetds
suites='trixie-backports sid'
series=1.5.5
licence=LGPL-2.0-or-later
licence_file=COPYING_LIB.txt
deps='heimdal'
archives=libtds.a
instrument='asan'
sanitize=address,fuzzer-no-link

# Traps, all three silent: --enable-krb5 adds the machine's include paths and
# loses the mutexes, so its define is given by hand; --disable-libiconv means
# no conversion at all; MARS needs threads of its own.
build() {
	CPPFLAGS="-I$deps_dir/heimdal/include -DHAVE_MBEDTLS=1 -DENABLE_KRB5=1" \
		configure --disable-dependency-tracking \
		--disable-odbc --disable-apps --disable-server --disable-pool --disable-mars \
		--without-openssl --without-gnutls --with-tdsver=auto
	grep -q 'define TDS_HAVE_PTHREAD_MUTEX 1' include/config.h
	grep -q 'define HAVE_ICONV 1' include/config.h
	make -C include all
	make -C src/utils
	make -C src/replacements
	make -C src/tds libtds.la
	merge_archives libtds.a src/{tds,utils,replacements}/.libs/*.a
	install_headers
}

# libtds has no public headers; these are its internal ones, out of the way of
# everybody's include path. What was on the command line goes into config.h, for
# structures differ with it (locks): a program need only include that first.
install_headers() {
	local private=$out/include/freetds-private define
	mkdir -p "$private"
	cp -r include/freetds include/*.h "$private"
	find "$private" -type f ! -name '*.h' -delete
	for define in _REENTRANT _THREAD_SAFE HAVE_MBEDTLS ENABLE_KRB5; do
		printf '#ifndef %s\n#define %s 1\n#endif\n' $define $define
	done >> "$private/config.h"
}
