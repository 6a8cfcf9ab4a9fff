/*
 * collation - the code page that a collation's char and varchar text is in.
 *
 * From the five bytes of MS-TDS 2.2.5.1.2: a LCID of 20 bits, flags and version,
 * and a sort id that (where it is not 0) wins. The tables are Microsoft's: "Windows
 * collation name", "SQL Server collation name", CODE_PAGE_FROM_SORT_ID. Pure.
 */
#ifndef TDS_COLLATION_H
#define TDS_COLLATION_H

#include "tds/type.h"

#define TDS_CODEPAGE_UTF8 65001

/* 0: not known, or a collation that has no code page (Unicode only). */
unsigned tds_collation_codepage(const uint8_t collation[TDS_COLLATION_LEN]);

#endif
