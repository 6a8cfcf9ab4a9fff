#include "exec/kube_names.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STORE_DIGITS 12 /* the last ones: those before them are a time (RFC 9562 §5.7) */

void kube_pod_name(const char *store_uid, int64_t run_id, int64_t fence, char out[KUBE_POD_NAME_MAX + 1])
{
	size_t len = strlen(store_uid);

	snprintf(out, KUBE_POD_NAME_MAX + 1, "etl-%s-%" PRId64 "-%" PRId64,
		store_uid + (len > STORE_DIGITS ? len - STORE_DIGITS : 0), run_id, fence);
}

void kube_label(const char *text, char out[KUBE_LABEL_MAX + 1])
{
	size_t n = 0;

	for (; *text && n < KUBE_LABEL_MAX; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c < 0x80 && isalnum(c)) || (n > 0 && strchr("-._", c)))
			out[n++] = (char)c;
		else if (n > 0)
			out[n++] = '_';
	}
	while (n > 0 && !isalnum((unsigned char)out[n - 1]))
		n--;
	out[n] = '\0';
}

void kube_handle(const char *ns, const char *pod, char *out, size_t size)
{
	snprintf(out, size, KUBE_HANDLE_PREFIX "%s:%s", ns, pod);
}
