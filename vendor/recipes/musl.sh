# shellcheck shell=bash disable=SC2034,SC2154
#
# musl: the C library of the product.
#
# Why: it is made for static linking, and its binary runs on any kernel and in
# an empty image. 1.2.4 or newer matters: older resolvers do not fall back to
# TCP, and Active Directory's SRV answers are long.

package=musl
suites=trixie
series=1.2.5
licence=MIT
licence_file=COPYRIGHT
debian_patches=all
archives=

build() {
	./configure --prefix=/usr --syslibdir=/lib --disable-shared --disable-wrapper
	make
	make DESTDIR="$work/dest" install
	cp -r "$work/dest/usr/include" "$work/dest/usr/lib" "$out"
	kernel_headers
	install_wrapper
}

# Copies, not links to /usr/include: the version is part of the key.
kernel_headers() {
	cp -rL /usr/include/linux /usr/include/asm-generic "$out/include"
	cp -rL "/usr/include/$(gcc -print-multiarch)/asm" "$out/include"
}

# Upstream's wrapper has the prefix written into its specs. This one finds
# itself, so that the cache may be copied, and is always static: libtool eats
# a -static from LDFLAGS.
install_wrapper() {
	mkdir -p "$out/bin"
	# a spec function's result is an argument of its own: whole paths, no parts
	sh tools/musl-gcc.specs.sh @/include @/lib /none |
		sed -e 's|-L@|-L @|g' -e 's|@\(/[a-zA-Z0-9/.]*\)|%:getenv(ETL_MUSL \1)|g' \
			> "$out/lib/musl-gcc.specs"
	cat > "$out/bin/musl-gcc" <<-'EOF'
		#!/bin/sh
		# gcc for musl, always static. Finds its prefix by its own path.
		bin=${0%/*}
		ETL_MUSL=${bin%/*}
		export ETL_MUSL
		exec gcc -specs="$ETL_MUSL/lib/musl-gcc.specs" -static \
			-ffile-prefix-map="$ETL_MUSL=/usr/src/musl" "$@"
	EOF
	chmod +x "$out/bin/musl-gcc"
}
