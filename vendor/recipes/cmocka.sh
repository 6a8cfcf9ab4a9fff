# shellcheck shell=bash disable=SC2034,SC2154
#
# cmocka: the unit tests' library. Not linked into the product.
#
# Why: well kept, small, with mocks, and one file of C.

package=cmocka
suites=trixie
series=1.1.7
licence=Apache-2.0
licence_file=COPYING
archives=libcmocka.a
role="test"

build() {
	local have

	# what its CMake would find on any Linux
	CFLAGS+=' -D_GNU_SOURCE'
	for have in CLOCK_REALTIME GCC_THREAD_LOCAL_STORAGE INTTYPES_H MALLOC_H SIGLONGJMP \
		SIGNAL_H STRINGS_H STRSIGNAL STRUCT_TIMESPEC; do
		CFLAGS+=" -DHAVE_$have=1"
	done
	CPPFLAGS="-I$src/include"
	compile_archive libcmocka.a src/cmocka.c
	cp include/cmocka.h "$out/include"
}
