# shellcheck shell=bash disable=SC2034,SC2154
#
# zlib: gzip files, read and written.
#
# Why: the reference, eight files of C; and what it writes everybody reads.

package=zlib
suites=trixie
series=1:1.3
licence=Zlib
licence_file=LICENSE
archives=libz.a
instrument='asan'
sanitize=address,undefined

build() {
	# streams only, not its own files
	compile_archive libz.a adler32.c crc32.c deflate.c inflate.c inffast.c inftrees.c trees.c zutil.c
	cp zlib.h zconf.h "$out/include"
}
