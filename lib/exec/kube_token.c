#include "exec/kube_token.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"

#define CLAIMS_MAX (64u * 1024)

/* base64url without padding (RFC 7515 §2) as base64. */
static char *standard(const char *text, size_t len)
{
	char *out = mem_alloc(len + 4);

	for (size_t i = 0; i < len; i++)
		out[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	for (size_t i = len; i % 4; i++)
		out[i] = '=';
	return out;
}

int kube_token_times(const char *token, int64_t *ret_issued, int64_t *ret_ends)
{
	CLEANUP(buf_release) struct buf claims = BUF_INIT(CLAIMS_MAX);
	CLEANUP_JSON struct json_doc *doc = NULL;
	CLEANUP_FREE char *text = NULL;
	const char *begin = strchr(token, '.'), *end = begin ? strchr(begin + 1, '.') : NULL;
	struct err ignored = ERR_INIT;

	if (!end)
		return -1;
	text = standard(begin + 1, (size_t)(end - begin - 1));
	if (base64_parse(&claims, text) || json_parse(buf_str(&claims), claims.len, &doc, &ignored))
		return -1;
	*ret_issued = json_int(json_root(doc), "iat", 0);
	*ret_ends = json_int(json_root(doc), "exp", 0);
	return 0;
}
