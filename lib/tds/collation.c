#include "tds/collation.h"

#define LCID_MASK 0xFFFFFu
#define FLAG_UTF8 (UINT32_C(1) << 26)

/* From `first` on, up to the next one; 0: there is no such sort id. */
static const struct {
	uint8_t first;
	uint16_t codepage;
} by_sort_id[] = {
	{0, 0},
	{30, 437},
	{35, 0},
	{40, 850},
	{45, 0},
	{49, 850},
	{50, 1252},
	{55, 850},
	{62, 0},
	{71, 1252},
	{76, 0},
	{80, 1250},
	{99, 0},
	{104, 1251},
	{109, 0},
	{112, 1253},
	{115, 0},
	{120, 1253},
	{123, 0},
	{124, 1253},
	{125, 0},
	{128, 1254},
	{131, 0},
	{136, 1255},
	{139, 0},
	{144, 1256},
	{147, 0},
	{152, 1257},
	{161, 0},
	{183, 1252},
	{187, 0},
	{192, 932},
	{194, 949},
	{196, 950},
	{198, 936},
	{200, 932},
	{201, 949},
	{202, 950},
	{203, 936},
	{204, 874},
	{207, 0},
	{210, 1252},
	{218, 0},
};

/* Languages: the low ten bits of a LCID. Those that are written in several ways are below. */
static const struct {
	uint16_t codepage;
	uint8_t n, languages[40];
} by_language[] = {
	{874, 1, {0x1E}},
	{932, 1, {0x11}},
	{949, 1, {0x12}},
	{1250, 8, {0x05, 0x0E, 0x15, 0x18, 0x1B, 0x1C, 0x24, 0x42}},
	{1251, 11, {0x02, 0x19, 0x22, 0x23, 0x2F, 0x3F, 0x40, 0x44, 0x50, 0x6D, 0x85}},
	{1253, 1, {0x08}},
	{1254, 1, {0x1F}},
	{1255, 1, {0x0D}},
	{1256, 6, {0x01, 0x20, 0x29, 0x59, 0x80, 0x8C}},
	{1257, 3, {0x25, 0x26, 0x27}},
	{1258, 1, {0x2A}},
	{1252, 35,
		{0x03, 0x06, 0x07, 0x09, 0x0A, 0x0B, 0x0C, 0x0F, 0x10, 0x13, 0x14, 0x16, 0x17, 0x1D,
			0x21, 0x2D, 0x34, 0x35, 0x36, 0x38, 0x3C, 0x3E, 0x41, 0x52, 0x56, 0x5D,
			0x62, 0x64, 0x6E, 0x7A, 0x7C, 0x7E, 0x83, 0x84, 0x86}},
};

/* Whole LCIDs without the sort order in their highest bits. */
static const struct {
	uint16_t lcid, codepage;
} by_lcid[] = {
	{0x0404, 950}, /* Taiwan */
	{0x0C04, 950}, /* Hong Kong */
	{0x1404, 950}, /* Macao */
	{0x7C04, 950},
	{0x0804, 936},  /* China */
	{0x1004, 936},  /* Singapore */
	{0x041A, 1250}, /* Croatian */
	{0x101A, 1250}, /* Croatian, Bosnia */
	{0x081A, 1250}, /* Serbian, Latin */
	{0x0C1A, 1251}, /* Serbian, Cyrillic */
	{0x141A, 1250}, /* Bosnian, Latin */
	{0x181A, 1250}, /* Serbian, Bosnia, Latin */
	{0x1C1A, 1251}, /* Serbian, Bosnia, Cyrillic */
	{0x201A, 1251}, /* Bosnian, Cyrillic */
	{0x042C, 1254}, /* Azeri, Latin */
	{0x082C, 1251}, /* Azeri, Cyrillic */
	{0x0443, 1254}, /* Uzbek, Latin */
	{0x0843, 1251}, /* Uzbek, Cyrillic */
	{0x042E, 1252}, /* Upper Sorbian */
	{0x043B, 1252}, /* Sami and its kin */
	{0x083B, 1252},
};

static unsigned sort_id_codepage(uint8_t sort_id)
{
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(by_sort_id) && by_sort_id[i + 1].first <= sort_id)
		i++;
	return by_sort_id[i].codepage;
}

static unsigned lcid_codepage(uint32_t lcid)
{
	for (size_t i = 0; i < ARRAY_LEN(by_lcid); i++)
		if (by_lcid[i].lcid == (lcid & 0xFFFF))
			return by_lcid[i].codepage;
	for (size_t i = 0; i < ARRAY_LEN(by_language); i++)
		for (unsigned j = 0; j < by_language[i].n; j++)
			if (by_language[i].languages[j] == (lcid & 0x3FF))
				return by_language[i].codepage;
	return 0;
}

unsigned tds_collation_codepage(const uint8_t c[TDS_COLLATION_LEN])
{
	uint32_t info =
		(uint32_t)c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24;

	if (info & FLAG_UTF8)
		return TDS_CODEPAGE_UTF8;
	if (c[4])
		return sort_id_codepage(c[4]);
	return lcid_codepage(info & LCID_MASK);
}
