# shellcheck shell=bash disable=SC2034,SC2154
#
# zstd: zstd files, read and written.
#
# Why: the reference, and the only complete one in C.

package=libzstd
suites=trixie
series=1.5
licence='BSD-3-Clause OR GPL-2.0-only'
licence_file=LICENSE
archives=libzstd.a
instrument='asan'
sanitize=address

build() {
	local strategy

	CFLAGS+=' -DXXH_NAMESPACE=ZSTD_ -DZSTD_LEGACY_SUPPORT=0 -DZSTD_DISABLE_ASM -DZSTD_TRACE=0'
	# what levels above 4 need is half of it
	for strategy in GREEDY LAZY LAZY2 BTLAZY2 BTOPT BTULTRA; do
		CFLAGS+=" -DZSTD_EXCLUDE_${strategy}_BLOCK_COMPRESSOR"
	done
	compile_archive libzstd.a $(cd "$src" && ls lib/common/*.c lib/decompress/*.c lib/compress/*.c)
	cp lib/zstd.h lib/zstd_errors.h "$out/include"
}
