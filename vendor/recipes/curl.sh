# shellcheck shell=bash disable=SC2034,SC2154
#
# libcurl: the HTTP client, for the Kubernetes API, hooks and controllers.
#
# Why: everybody's HTTP client, with timeouts and TLS that behave; our own
# would be a lesser one.

package=curl
suites='trixie trixie-security'
series=8.14.1
licence=curl
licence_file=COPYING
deps='mbedtls'
debian_patches=all
# for Debian's two flavours, the command line and the tests
skip_patches='ZZZgnutls-build.patch build-Divide-* 11_omit-* tool_* curl_path_* wcurl-* openssl_*'
archives=libcurl.a

build() {
	CPPFLAGS="-I$deps_dir/mbedtls/include" LDFLAGS="-L$deps_dir/mbedtls/lib" \
		configure --disable-dependency-tracking \
		--with-mbedtls="$deps_dir/mbedtls" --without-zlib --without-brotli --without-zstd \
		--without-nghttp2 --without-libpsl --without-libidn2 --without-librtmp \
		--without-libssh2 --without-gssapi --enable-http \
		--disable-{ftp,file,ldap,ldaps,rtsp,dict,telnet,tftp,pop3,imap,smb,smtp,gopher,mqtt,ipfs,websockets} \
		--disable-{manual,docs,libcurl-option,ntlm,kerberos-auth,negotiate-auth,aws,tls-srp,alt-svc,hsts,ares,netrc,socketpair} \
		--enable-threaded-resolver --with-ca-path=/etc/ssl/certs \
		--with-ca-bundle=/etc/ssl/certs/ca-certificates.crt
	make -C lib
	make -C lib DESTDIR="$work/dest" install
	make -C include DESTDIR="$work/dest" install
	cp -r "$work/dest/usr/include/curl" "$out/include"
	cp "$work/dest/usr/lib/libcurl.a" "$out/lib"
}
