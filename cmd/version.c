/*
 * Versions as the libraries themselves tell them where they can, so that what is printed is what
 * is linked; the recipes' where they cannot.
 */
#include <stdio.h>
#include <string.h>
#include <vendor_versions.h>

#include "base/http.h"
#include "base/json.h"
#include "base/pack.h"
#include "base/yaml.h"
#include "cmd/cmd.h"
#include "db/db.h"
#include "krb/krb.h"
#include "tds/tls.h"
#include "work/digest.h"

struct version {
	const char *name, *version;
};

#ifdef __GLIBC__
#include <gnu/libc-version.h>
#define LIBC {"glibc", gnu_get_libc_version()}
#else
#define LIBC {"musl", VENDOR_MUSL_VERSION}
#endif

int cmd_version(struct invocation *in, struct err *err UNUSED)
{
	char xxhash[16];
	const struct version libraries[] = {
		LIBC,
		{"FreeTDS", tls_freetds_version()},
		{"Heimdal", krb_version()},
		{"mbedTLS", tls_mbedtls_version()},
		{"libcurl", http_version()},
		{"inih", VENDOR_INIH_VERSION},
		{"libyaml", yaml_version()},
		{"SQLite", db_version()},
		{"xxHash", digest_version(xxhash)},
		{"yyjson", json_version()},
		{"zlib", pack_gzip.version()},
		{"zstd", pack_zstd.version()},
	};
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc), *list = json_object(doc);

	if (!cmd_flag(in, "json")) {
		printf("etl %s\n", ETL_VERSION);
		for (size_t i = 0; i < ARRAY_LEN(libraries); i++)
			printf("  %-8s %s\n", libraries[i].name, libraries[i].version);
		return 0;
	}
	json_set_str(doc, o, "etl", ETL_VERSION);
	for (size_t i = 0; i < ARRAY_LEN(libraries); i++)
		json_set_str(doc, list, libraries[i].name, libraries[i].version);
	json_set(doc, o, "libraries", list);
	cmd_print_json(doc, o);
	return 0;
}
