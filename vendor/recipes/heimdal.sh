# shellcheck shell=bash disable=SC2034,SC2154
#
# Heimdal: Kerberos 5 and GSS-API (krb5 and SPNEGO), client side.
#
# Why: MIT's libraries cannot be linked statically with their mechanisms and
# plugins; Heimdal has them inside.

package=heimdal
suites=trixie
series=7.8.git20221117.28daf24
licence=BSD-3-Clause
# the second is made by build(): parts come from other people
licence_file='LICENSE COPYRIGHTS'
debian_patches=all
# makes the source directory absolute, for a test of krb5.conf's includes
skip_patches='add-include-support-4.patch'
archives=libheimdal.a

build() {
	autoreconf -fi
	# made by cf/make-proto.pl; stale copies would win over what we build
	find . \( -name '*-private.h' -o -name '*-protos.h' \) -delete
	configure_client
	make -C include
	make_libraries
	merge_archives libheimdal.a lib/*/.libs/*.a
	install_headers
	sed -e 's/^@heading //' -e '/^@/d' doc/copyright.texi | cat -s > COPYRIGHTS
}

# No dlopen: a static program cannot, and plugins are never wanted. The source
# directory is given relatively: the ASN.1 compiler writes the path of its input
# into what it generates, and its checksum gets into the objects.
configure_client() {
	src=. configure --no-recursion --disable-maintainer-mode --disable-dependency-tracking \
		--without-openssl --without-openldap --without-sqlite3 --disable-sqlite-cache \
		--without-readline --without-libedit --without-berkeley-db --without-capng \
		--disable-ndbm-db --disable-mdb-db --disable-pk-init --disable-kx509 \
		--disable-digest --disable-otp --disable-afs-support --disable-dynamic-afs \
		--disable-heimdal-documentation --without-libintl --with-hdbdir=/nonexistent \
		ac_cv_func_dlopen=no ac_cv_lib_dl_dlopen=no ac_cv_funclib_dlopen=no
}

# The libraries of a client in the order of their needs; the whole tree has
# servers, a database and a shell besides.
make_libraries() {
	make -C lib/roken install-build-headers libroken.la
	make -C lib/vers install-build-headers libvers.la
	make -C lib/com_err install-build-headers libcom_err.la compile_et
	make -C lib/base install-build-headers libheimbase.la
	make -C lib/asn1 install-build-headers asn1_compile
	make -C lib/asn1 libasn1.la
	make -C lib/wind install-build-headers libwind.la
	make -C lib/hcrypto install-build-headers libhcrypto.la
	make -C lib/ipc install-build-headers libheim-ipcc.la
	make -C lib/hx509 install-build-headers libhx509.la
	make -C lib/krb5 install-build-headers libkrb5.la
	make -C lib/ntlm install-build-headers libheimntlm.la
	make -C lib/gssapi install-build-headers libgssapi.la
	# the generator's half of the ASN.1 library
	rm -f lib/asn1/.libs/libasn1base.a
}

# Only what krb5.h and gssapi.h include: the tree has an err.h and a glob.h
# for systems without them that must not hide the C library's.
install_headers() {
	mkdir -p "$out/include/gssapi"
	cp -L include/gssapi.h "$out/include"
	cp -L include/gssapi/*.h "$out/include/gssapi"
	cp -L include/{krb5,krb5-types,krb5-protos,krb5_asn1,krb5_err,k524_err,heim_err}.h \
		include/{asn1_err,com_err,com_right}.h "$out/include"
}
