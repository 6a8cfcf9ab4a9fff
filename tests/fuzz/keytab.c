/*
 * Any file is a keytab or none; what is one can be cut nowhere but between its records.
 */
#include "krb/keytab.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a byte less would be the end of a record that was whole only with it */
	if (keytab_is_whole(data, size) && size > 2 && keytab_is_whole(data, size - 1))
		abort();
	return 0;
}
