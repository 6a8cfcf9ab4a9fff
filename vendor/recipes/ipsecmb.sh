# shellcheck shell=bash disable=SC2034,SC2154
#
# intel-ipsec-mb: AES-GCM at the speed of the processor, beneath mbedTLS (lib/base/gcm.c).
#
# Why: kept by those who make the processors, constant-time, and its routines can be had one by one. From
# bookworm: the versions behind it are listed by the archive's index but not served.

package=intel-ipsec-mb
suites=bookworm
series=1.3
licence=BSD-3-Clause
licence_file=LICENSE
archives=libgcm.a

# The routines for AVX2, 200 KB for each size of key; those for VAES on 512 bits are four times as fast, and
# 500 KB, where these are as fast as OpenSSL's. Nothing of them on another architecture.
build() {
	local part objects=()

	case $host in
	x86_64-*)
		for part in avx2_t1/aes{128,256}_gcm_by8_avx2 x86_64/aes_keyexp_{128,256}; do
			nasm -Werror -felf64 -DLINUX -D__linux__ -DSAFE_DATA -DSAFE_LOOKUP -I lib/ \
				-o "${part##*/}.o" "lib/$part.asm"
			objects+=("${part##*/}.o")
		done
		;;
	esac
	ar rcsD "$out/lib/libgcm.a" "${objects[@]}"
	cp lib/intel-ipsec-mb.h "$out/include"
}
