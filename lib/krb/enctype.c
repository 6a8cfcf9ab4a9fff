#include "krb/enctype.h"

#include <stddef.h>
#include <stdio.h>

const int32_t enctypes[N_ENCTYPES] = {20, 19, 18, 17, 23};

bool enctype_is_aes(int32_t type)
{
	for (size_t i = 0; i < N_ENCTYPES_AES; i++)
		if (enctypes[i] == type)
			return true;
	return false;
}

void enctype_name(int32_t type, char out[KRB_ENCTYPE_MAX + 1])
{
	static const char *const names[N_ENCTYPES] = {"aes256-cts-hmac-sha384-192", "aes128-cts-hmac-sha256-128",
		"aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96", "arcfour-hmac-md5 (RC4)"};

	snprintf(out, KRB_ENCTYPE_MAX + 1, "encryption type %d", (int)type);
	for (size_t i = 0; i < N_ENCTYPES; i++)
		if (enctypes[i] == type)
			snprintf(out, KRB_ENCTYPE_MAX + 1, "%s", names[i]);
}
