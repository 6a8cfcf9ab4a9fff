# shellcheck shell=bash disable=SC2034,SC2154
#
# inih: the INI parser behind etl.ini.
#
# Why: two hundred lines, one file, and it reports the line of an error.

package=libinih
suites=trixie
series=59
licence=BSD-3-Clause
licence_file=LICENSE.txt
archives=libinih.a
instrument='asan tsan'
sanitize=address,undefined,fuzzer-no-link

build() {
	compile_archive libinih.a ini.c
	cp ini.h "$out/include"
}
