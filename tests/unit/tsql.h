/*
 * tsql - what T-SQL reserves.
 */
#ifndef UNIT_TSQL_H
#define UNIT_TSQL_H

#include <stdbool.h>
#include <stddef.h>

/* Microsoft's list of reserved keywords of Transact-SQL, in lower case; NULL at the end. */
extern const char *const tsql_reserved[];

bool tsql_is_reserved(const char *word, size_t len);

#endif
