# shellcheck shell=bash disable=SC2034,SC2154
#
# xxhash: the hash of a row behind verify = digest.
#
# Why: XXH3 has 128 bits, a specification that stays, and runs at memory speed.

package=xxhash
suites=trixie
series=0.8.3
licence=BSD-2-Clause
licence_file=LICENSE
archives=libxxhash.a
instrument='asan tsan'
sanitize=address,undefined,fuzzer-no-link

build() {
	compile_archive libxxhash.a xxhash.c
	cp xxhash.h "$out/include"
}
