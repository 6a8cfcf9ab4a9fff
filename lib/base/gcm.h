/*
 * gcm - AES-GCM beneath mbedTLS, and so beneath TLS wherever it is (FreeTDS, libcurl).
 *
 * mbedTLS is built with MBEDTLS_GCM_ALT: its functions mbedtls_gcm_* are those of gcm.c (NIST SP
 * 800-38D; mbedtls/gcm.h says what each does). A whole message with a nonce of 12 bytes, which is what TLS
 * has, goes to intel-ipsec-mb where the processor has what that needs: AVX2 with AES and PCLMULQDQ. All else (in pieces, other nonces, other ciphers, other processors) is mbedTLS's own code, under
 * the name gcm_own_*. Both take the same time for all data; keys are wiped.
 */
#ifndef BASE_GCM_H
#define BASE_GCM_H

#include <stdbool.h>

/* The name of what whole messages of AES go to from now on: "avx2", "own". */
const char *gcm_processor(void);

/* For tests and benchmarks: no more than this, if there is so much. False: there is not. Before the first key
 * is set, by one thread. */
bool gcm_use(const char *name);

#endif
