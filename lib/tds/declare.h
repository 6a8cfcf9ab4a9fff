/*
 * declare - column lists that people write: "name type [not null], name type, …".
 *
 * Names stand bare, in double quotes ("" for one within) or in brackets (]] for
 * one within). Pure.
 */
#ifndef TDS_DECLARE_H
#define TDS_DECLARE_H

#include "base/arena.h"
#include "base/err.h"
#include "tds/type.h"

/* The list and its names live in `a`; an empty text is an empty list. ERR_CONFIG for what is not
 * understood, unknown types and names that stand twice. */
MUST_CHECK int tds_declare_parse(const char *text, struct arena *a, struct tds_columns *ret_columns,
	struct err *err);

/* The same without types: "name, name, …" (NULL and blank: none), or with a second name in the type's
 * place: "from to, …". */
MUST_CHECK int tds_names_parse(const char *text, struct arena *a, const char ***ret_names,
	uint32_t *ret_n, struct err *err);
struct tds_rename {
	const char *from, *to;
};
MUST_CHECK int tds_renames_parse(const char *text, struct arena *a, struct tds_rename **ret_renames,
	uint32_t *ret_n, struct err *err);

#endif
