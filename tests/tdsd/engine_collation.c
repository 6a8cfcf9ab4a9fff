/* Names of collations, and the five bytes of MS-TDS 2.2.5.1.2. */
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_type.h"

static const struct {
	const char *name;
	uint32_t lcid;
} languages[] = {{"Latin1_General", 0x0409}, {"Albanian", 0x041C}, {"Arabic", 0x0401},
	{"Chinese_PRC", 0x0804}, {"Chinese_Taiwan_Stroke", 0x0404}, {"Croatian", 0x041A},
	{"Cyrillic_General", 0x0419}, {"Czech", 0x0405}, {"Danish_Norwegian", 0x0406},
	{"Estonian", 0x0425}, {"Finnish_Swedish", 0x040B}, {"French", 0x040C},
	{"German_PhoneBook", 0x10407}, {"Greek", 0x0408}, {"Hebrew", 0x040D}, {"Hungarian", 0x040E},
	{"Icelandic", 0x040F}, {"Japanese", 0x0411}, {"Korean_Wansung", 0x0412},
	{"Latvian", 0x0426}, {"Lithuanian", 0x0427}, {"Modern_Spanish", 0x0C0A}, {"Polish", 0x0415},
	{"Romanian", 0x0418}, {"Slovak", 0x041B}, {"Slovenian", 0x0424}, {"Thai", 0x041E},
	{"Turkish", 0x041F}, {"Ukrainian", 0x0422}, {"Vietnamese", 0x042A}};

static const struct {
	const char *name;
	uint8_t sort_id, flags; /* of bits 20 … 27 */
} sql_collations[] = {{"SQL_Latin1_General_CP1_CI_AS", 52, 0x0D},
	{"SQL_Latin1_General_CP1_CS_AS", 51, 0x0C}, {"SQL_Latin1_General_CP1_CI_AI", 54, 0x0F},
	{"SQL_Latin1_General_CP437_CI_AS", 32, 0x0D}, {"SQL_Latin1_General_CP437_CS_AS", 31, 0x0C},
	{"SQL_Latin1_General_CP437_BIN", 30, 0x10}, {"SQL_Latin1_General_CP850_CI_AS", 42, 0x0D},
	{"SQL_Latin1_General_CP850_CS_AS", 41, 0x0C}, {"SQL_Latin1_General_CP850_BIN", 40, 0x10},
	{"SQL_Latin1_General_CP1250_CS_AS", 81, 0x0C},
	{"SQL_Latin1_General_CP1250_CI_AS", 82, 0x0D},
	{"SQL_Latin1_General_CP1251_CS_AS", 105, 0x0C},
	{"SQL_Latin1_General_CP1251_CI_AS", 106, 0x0D},
	{"SQL_Latin1_General_CP1253_CI_AS", 114, 0x0D},
	{"SQL_Latin1_General_CP1254_CI_AS", 130, 0x0D},
	{"SQL_Latin1_General_CP1255_CI_AS", 138, 0x0D},
	{"SQL_Latin1_General_CP1256_CI_AS", 146, 0x0D},
	{"SQL_Latin1_General_CP1257_CI_AS", 154, 0x0D}};

static const struct {
	const char *name;
	uint32_t flags; /* from bit 20 on */
} suffixes[] = {{"CI", 0x001}, {"CS", 0}, {"AI", 0x002}, {"AS", 0}, {"KS", 0}, {"WS", 0}, {"SC", 0},
	{"VSS", 0}, {"BIN", 0x010}, {"BIN2", 0x020}, {"UTF8", 0x040}, {"90", 0x100}, {"100", 0x200},
	{"140", 0x300}};

#define FLAG_KANA  0x004u /* ignored unless KS and WS say otherwise */
#define FLAG_WIDTH 0x008u

static void put_collation(
	uint32_t lcid, uint32_t flags, uint8_t sort_id, uint8_t ret[TDS_COLLATION_LEN])
{
	uint32_t info = lcid | flags << 20;

	for (unsigned i = 0; i < 4; i++)
		ret[i] = (uint8_t)(info >> 8 * i);
	ret[4] = sort_id;
}

/* _100_CI_AS_SC_UTF8 */
static bool parse_suffixes(const char *p, uint32_t *ret_flags)
{
	uint32_t flags = FLAG_KANA | FLAG_WIDTH;
	bool binary = false, any = false;

	while (*p == '_') {
		size_t n = strcspn(++p, "_"), i = 0;

		while (i < ARRAY_LEN(suffixes) &&
			(strlen(suffixes[i].name) != n || strncasecmp(suffixes[i].name, p, n) != 0))
			i++;
		if (i == ARRAY_LEN(suffixes))
			return false;
		flags |= suffixes[i].flags;
		binary |= (suffixes[i].flags & 0x030) != 0;
		any |= (suffixes[i].flags & 0x031) != 0 || strcmp(suffixes[i].name, "CS") == 0;
		if (strcmp(suffixes[i].name, "KS") == 0)
			flags &= ~FLAG_KANA;
		if (strcmp(suffixes[i].name, "WS") == 0)
			flags &= ~FLAG_WIDTH;
		p += n;
	}
	*ret_flags = binary ? flags & ~0x00Fu : flags;
	return any && *p == '\0';
}

bool engine_collation_parse(const char *name, uint8_t ret[TDS_COLLATION_LEN])
{
	for (size_t i = 0; i < ARRAY_LEN(sql_collations); i++) {
		if (strcasecmp(sql_collations[i].name, name) != 0)
			continue;
		put_collation(0x0409, sql_collations[i].flags, sql_collations[i].sort_id, ret);
		return true;
	}
	if (strcasecmp(name, "database_default") == 0 || strcasecmp(name, "catalog_default") == 0) {
		memcpy(ret, engine_collation, TDS_COLLATION_LEN);
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
		size_t n = strlen(languages[i].name);
		uint32_t flags;

		if (strncasecmp(languages[i].name, name, n) == 0 &&
			parse_suffixes(name + n, &flags)) {
			put_collation(languages[i].lcid, flags, 0, ret);
			return true;
		}
	}
	return false;
}

static uint32_t collation_info(const uint8_t c[TDS_COLLATION_LEN])
{
	return (uint32_t)c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24;
}

const char *engine_collation_name(const uint8_t collation[TDS_COLLATION_LEN], struct arena *a)
{
	static const char *const versions[] = {"", "_90", "_100", "_140"};
	uint32_t info = collation_info(collation), flags = info >> 20;
	const char *language = NULL;

	for (size_t i = 0; collation[4] && i < ARRAY_LEN(sql_collations); i++)
		if (sql_collations[i].sort_id == collation[4])
			return sql_collations[i].name;
	for (size_t i = 0; !language && i < ARRAY_LEN(languages); i++)
		if (languages[i].lcid == (info & 0xFFFFF))
			language = languages[i].name;
	if (!language)
		return NULL;
	if (flags & 0x030)
		return arena_printf(a, "%s%s_%s%s", language, versions[flags >> 8 & 3],
			flags & 0x020 ? "BIN2" : "BIN", flags & 0x040 ? "_UTF8" : "");
	return arena_printf(a, "%s%s_%s_%s%s%s%s", language, versions[flags >> 8 & 3],
		flags & 1 ? "CI" : "CS", flags & 2 ? "AI" : "AS", flags & FLAG_KANA ? "" : "_KS",
		flags & FLAG_WIDTH ? "" : "_WS", flags & 0x040 ? "_SC_UTF8" : "");
}

const char *engine_collation_sqlite(const uint8_t collation[TDS_COLLATION_LEN])
{
	uint32_t flags = collation_info(collation) >> 20;

	if (flags & 0x030)
		return "T_BIN";
	return flags & 1 ? (flags & 2 ? "T_CI_AI" : "T_CI") : (flags & 2 ? "T_CS_AI" : "T_CS");
}
