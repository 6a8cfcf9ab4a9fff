#include "tests/tdsd/login7.h"

#include <string.h>

#include "tests/tdsd/bytes.h"

#define TEXT_UNITS_MAX   128
#define FLAG2_INTEGRATED 0x80
#define FLAG3_EXTENSION  0x10
#define TYPE_READ_ONLY   0x20
#define FEATURE_UTF8     0x0A
#define FEATURE_END      0xFF
#define FEATURES_MAX     64

struct place {
	size_t at, len; /* len as it stands there: units, but for SSPI and extension */
};

static struct place take_place(struct bytes *b)
{
	struct place p;

	p.at = (size_t)bytes_number(b, 2);
	p.len = (size_t)bytes_number(b, 2);
	return p;
}

/* Where `p` is in the message; an empty one may be anywhere. */
static const uint8_t *locate(const struct bytes *all, size_t at, size_t len, struct bytes *b)
{
	size_t size = bytes_left(all);

	if (len == 0)
		return all->p;
	if (at > size || len > size - at) {
		b->cut = true;
		return all->p;
	}
	return all->p + at;
}

static const char *text_at(
	const struct bytes *all, struct place p, size_t max, struct arena *a, struct bytes *b)
{
	const uint8_t *text;

	if (p.len > max)
		b->cut = true;
	text = locate(all, p.at, b->cut ? 0 : 2 * p.len, b);
	return b->cut ? "" : bytes_utf8(text, 2 * p.len, a);
}

/* MS-TDS 2.2.6.4: halves of each byte swapped, then XOR 0xA5. */
static const char *password_at(
	const struct bytes *all, struct place p, struct arena *a, struct bytes *b)
{
	uint8_t plain[2 * TEXT_UNITS_MAX];
	const uint8_t *hidden;

	if (p.len > TEXT_UNITS_MAX)
		b->cut = true;
	hidden = locate(all, p.at, b->cut ? 0 : 2 * p.len, b);
	if (b->cut)
		return "";
	for (size_t i = 0; i < 2 * p.len; i++) {
		uint8_t c = hidden[i] ^ 0xA5;

		plain[i] = (uint8_t)(c << 4 | c >> 4);
	}
	return bytes_utf8(plain, 2 * p.len, a);
}

static int level_of(uint32_t version, enum tds_level *ret_level)
{
	static const struct {
		uint32_t version;
		enum tds_level level;
	} known[] = {
		{0x71, TDS_7_1},
		{0x72, TDS_7_2},
		{0x74, TDS_7_4},
		{0x08, TDS_8_0},
	};

	if (version >> 24 == 0x73) {
		*ret_level = (version >> 16 & 0xFF) >= 0x0B ? TDS_7_3B : TDS_7_3A;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (version >> 24 == known[i].version) {
			*ret_level = known[i].level;
			return 0;
		}
	return -1;
}

/* MS-TDS 2.2.6.4, FeatureExt: an offset to the list stands where the extension is. */
static void take_features(
	const struct bytes *all, struct place p, struct login7 *l, struct bytes *b)
{
	struct bytes at = {.p = locate(all, p.at, p.len, b), .end = all->end};
	struct bytes list = {.p = all->p, .end = all->end};
	size_t offset = (size_t)bytes_number(&at, 4);

	(void)bytes_take(&list, offset);
	for (int i = 0; i < FEATURES_MAX && !at.cut && !list.cut; i++) {
		unsigned id = (unsigned)bytes_number(&list, 1);

		if (id == FEATURE_END)
			return;
		(void)bytes_take(&list, (size_t)bytes_number(&list, 4));
		if (id < 32)
			l->features |= 1u << id;
		l->utf8 |= id == FEATURE_UTF8;
	}
	b->cut = true;
}

/* Where the texts are, in the order of the message. */
struct places {
	struct place host, user, password, program, server, extension, library, language, database;
	struct place sspi, attach, new_password;
};

/* What has a fixed place. */
static void take_fixed(struct bytes *b, struct login7 *l, struct places *p)
{
	const uint8_t *id;

	l->packet_size = (uint32_t)bytes_number(b, 4);
	l->program_version = (uint32_t)bytes_number(b, 4);
	l->pid = (uint32_t)bytes_number(b, 4);
	(void)bytes_number(b, 4); /* ConnectionID */
	l->flags1 = (uint8_t)bytes_number(b, 1);
	l->flags2 = (uint8_t)bytes_number(b, 1);
	l->type_flags = (uint8_t)bytes_number(b, 1);
	l->flags3 = (uint8_t)bytes_number(b, 1);
	(void)bytes_number(b, 8); /* time zone, LCID */
	p->host = take_place(b);
	p->user = take_place(b);
	p->password = take_place(b);
	p->program = take_place(b);
	p->server = take_place(b);
	p->extension = take_place(b);
	p->library = take_place(b);
	p->language = take_place(b);
	p->database = take_place(b);
	id = bytes_take(b, sizeof(l->client_id));
	if (id)
		memcpy(l->client_id, id, sizeof(l->client_id));
	p->sspi = take_place(b);
	p->attach = take_place(b);
	l->sspi_len = p->sspi.len;
	if (l->level < TDS_7_2)
		return;
	p->new_password = take_place(b);
	if (p->sspi.len == UINT16_MAX)
		l->sspi_len = (size_t)bytes_number(b, 4);
}

int login7_parse(
	const uint8_t *data, size_t len, struct arena *a, struct login7 *ret_login, struct err *err)
{
	struct bytes all = {.p = data, .end = data + len}, b = all;
	struct login7 l = {0};
	struct places p = {0};

	if (bytes_number(&b, 4) != len)
		return err_set(err, ERR_DATA, "LOGIN7 of another length than its packets");
	l.version = (uint32_t)bytes_number(&b, 4);
	if (level_of(l.version, &l.level) < 0)
		return err_set(
			err, ERR_CONFIG, "TDS version 0x%08x is not served", (unsigned)l.version);
	take_fixed(&b, &l, &p);
	l.host = text_at(&all, p.host, TEXT_UNITS_MAX, a, &b);
	l.user = text_at(&all, p.user, TEXT_UNITS_MAX, a, &b);
	l.password = password_at(&all, p.password, a, &b);
	l.program = text_at(&all, p.program, TEXT_UNITS_MAX, a, &b);
	l.server = text_at(&all, p.server, 255, a, &b);
	l.library = text_at(&all, p.library, TEXT_UNITS_MAX, a, &b);
	l.language = text_at(&all, p.language, TEXT_UNITS_MAX, a, &b);
	l.database = text_at(&all, p.database, TEXT_UNITS_MAX, a, &b);
	l.attach = text_at(&all, p.attach, 260, a, &b);
	l.new_password = password_at(&all, p.new_password, a, &b);
	l.sspi = locate(&all, p.sspi.at, l.sspi_len, &b);
	l.integrated = l.flags2 & FLAG2_INTEGRATED;
	l.read_only = l.type_flags & TYPE_READ_ONLY;
	if (l.flags3 & FLAG3_EXTENSION && l.level >= TDS_7_4 && p.extension.len)
		take_features(&all, p.extension, &l, &b);
	if (b.cut)
		return err_set(err, ERR_DATA, "LOGIN7 says more than it has");
	*ret_login = l;
	return 0;
}
