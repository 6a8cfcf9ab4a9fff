# shellcheck shell=bash disable=SC2034,SC2154
#
# yyjson: JSON, and the fast number reader and writer for our text formats.
#
# Why: one file, and its numbers are exact and several times faster than
# musl's strtod and printf.

package=yyjson
suites=trixie
series=0.10.0
licence=MIT
licence_file=LICENSE
archives=libyyjson.a
instrument='asan tsan'

build() {
	compile_archive libyyjson.a src/yyjson.c
	cp src/yyjson.h "$out/include"
}
