/*
 * enctype - the encryption types that are taken, by RFC 3961's numbers. Pure.
 *
 * AES by RFC 8009 and RFC 3962; RC4 (RFC 4757) only where allow_rc4 says so.
 */
#ifndef KRB_ENCTYPE_H
#define KRB_ENCTYPE_H

#include <stdbool.h>
#include <stdint.h>

#define KRB_ENCTYPE_MAX 48 /* characters of a name */
#define N_ENCTYPES_AES	4
#define N_ENCTYPES	5

/* The strongest first, RC4 last. */
extern const int32_t enctypes[N_ENCTYPES];

bool enctype_is_aes(int32_t type);
void enctype_name(int32_t type, char out[KRB_ENCTYPE_MAX + 1]);

#endif
