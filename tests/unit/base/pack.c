#include "base/pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "unit/support.h"

#define TEXT_MAX   (4u * 1024 * 1024)
#define PACKED_MAX (8u * 1024 * 1024)

/* The text, compressed with `step` bytes of room and input at a time. */
static void pack(
	const struct pack_ops *ops, const char *text, size_t len, size_t step, struct buf *out)
{
	struct packer *p = ops->packer_new();
	struct err err = ERR_INIT;
	uint8_t *room = mem_alloc(step);
	size_t at = 0;
	int rc = 0;

	while (rc == 0) {
		size_t n = len - at < step ? len - at : step;
		struct pack_io io = {(const uint8_t *)text + at, n, room, step};

		rc = ops->pack(p, &io, at + n == len, &err);
		assert_true(rc >= 0);
		at += n - io.in_len;
		buf_add(out, room, step - io.out_len);
	}
	assert_int_equal(at, len);
	ops->packer_free(p);
	free(room);
}

/* 1: whole, 0: cut short, -1. */
static int unpack(const struct pack_ops *ops, const struct buf *packed, size_t step,
	struct buf *out, struct err *err)
{
	struct unpacker *u = ops->unpacker_new();
	uint8_t *room = mem_alloc(step);
	bool whole = false, more = true;
	size_t at = 0;
	int rc = 0;

	while (rc == 0 && more) {
		size_t n = packed->len - at < step ? packed->len - at : step;
		struct pack_io io = {(const uint8_t *)packed->data + at, n, room, step};

		rc = ops->unpack(u, &io, &whole, err);
		at += n - io.in_len;
		more = io.out_len < step || at < packed->len;
		buf_add(out, room, step - io.out_len);
	}
	ops->unpacker_free(u);
	free(room);
	return rc ? -1 : whole;
}

static char *make_text(size_t len)
{
	char *text = mem_alloc(len + 1);
	uint32_t x = 7;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		text[i] = "aaaabc,\n0123456789"[x >> 24 & 15];
	}
	return text;
}

static void what_is_packed_is_unpacked(void **state)
{
	static const size_t sizes[] = {0, 1, 1000, 300000};
	struct buf packed = BUF_INIT(PACKED_MAX), out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < PACK_COUNT * ARRAY_LEN(sizes); i++) {
		const struct pack_ops *ops = pack_all[i % PACK_COUNT];
		size_t len = sizes[i / PACK_COUNT];
		char *text = make_text(len);

		for (size_t step = len > 1000 ? 1000 : 1; step < 1000000; step *= 100) {
			buf_reset(&packed);
			buf_reset(&out);
			pack(ops, text, len, step, &packed);
			assert_int_equal(unpack(ops, &packed, step, &out, &err), 1);
			assert_int_equal(out.len, len);
			assert_string_equal(buf_str(&out), text);
		}
		free(text);
	}
	buf_release(&packed);
	buf_release(&out);
}

static void members_stand_behind_each_other(void **state)
{
	struct buf packed = BUF_INIT(PACKED_MAX), out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < PACK_COUNT; i++) {
		const struct pack_ops *ops = pack_all[i];

		for (size_t step = 1; step < 2000; step *= 10) {
			buf_reset(&packed);
			buf_reset(&out);
			pack(ops, "one ", 4, 100, &packed);
			pack(ops, "", 0, 100, &packed);
			pack(ops, "two", 3, 100, &packed);
			assert_int_equal(unpack(ops, &packed, step, &out, &err), 1);
			assert_string_equal(buf_str(&out), "one two");
		}
		buf_adds(&packed, "garbage");
		buf_reset(&out);
		assert_int_equal(unpack(ops, &packed, 1000, &out, &err), -1);
		assert_int_equal(err.code, ERR_DATA);
		assert_non_null(strstr(err.msg, "what follows the"));
	}
	buf_release(&packed);
	buf_release(&out);
}

static void what_is_cut_is_not_whole(void **state)
{
	struct buf packed = BUF_INIT(PACKED_MAX), cut = BUF_INIT(PACKED_MAX),
		   out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < PACK_COUNT; i++) {
		buf_reset(&packed);
		pack(pack_all[i], "some text that is not too short", 31, 100, &packed);
		for (size_t len = 0; len < packed.len; len++) {
			buf_reset(&cut);
			buf_reset(&out);
			buf_add(&cut, packed.data, len);
			assert_int_equal(unpack(pack_all[i], &cut, 10, &out, &err), 0);
		}
	}
	buf_release(&packed);
	buf_release(&cut);
	buf_release(&out);
}

static void what_is_changed_is_refused(void **state)
{
	struct buf packed = BUF_INIT(PACKED_MAX), out = BUF_INIT(TEXT_MAX);
	char *text = make_text(3000);
	unsigned refused = 0, tried = 0;

	(void)state;
	for (size_t i = 0; i < PACK_COUNT; i++) {
		buf_reset(&packed);
		pack(pack_all[i], text, 3000, 5000, &packed);
		for (size_t at = 0; at < packed.len; at++) {
			struct err err = ERR_INIT;

			packed.data[at] ^= 0x10;
			buf_reset(&out);
			tried++;
			if (unpack(pack_all[i], &packed, 10000, &out, &err) <= 0)
				refused++;
			else
				assert_string_equal(buf_str(&out), text); /* a date or a name */
			packed.data[at] ^= 0x10;
		}
	}
	assert_true(refused > tried * 9 / 10);
	buf_release(&packed);
	buf_release(&out);
	free(text);
}

static void an_unpacker_begins_again(void **state)
{
	struct buf packed = BUF_INIT(PACKED_MAX);
	struct err err = ERR_INIT;
	uint8_t room[100];
	bool whole;

	(void)state;
	for (size_t i = 0; i < PACK_COUNT; i++) {
		struct unpacker *u = pack_all[i]->unpacker_new();

		buf_reset(&packed);
		pack(pack_all[i], "text", 4, 100, &packed);
		for (size_t half = 2; half; half--) {
			struct pack_io io = {
				(uint8_t *)packed.data, packed.len / half, room, sizeof(room)};

			pack_all[i]->unpacker_reset(u);
			must(pack_all[i]->unpack(u, &io, &whole, &err), &err);
			assert_int_equal(whole, half == 1);
		}
		assert_memory_equal(room, "text", 4);
		pack_all[i]->unpacker_free(u);
		pack_all[i]->unpacker_free(NULL);
		pack_all[i]->packer_free(NULL);
	}
	buf_release(&packed);
}

static void the_name_says_which(void **state)
{
	(void)state;
	assert_ptr_equal(pack_find("a.csv.gz"), &pack_gzip);
	assert_ptr_equal(pack_find("dir/a.zst"), &pack_zstd);
	assert_null(pack_find("a.csv"));
	assert_null(pack_find(".gz"));
	assert_null(pack_find("gz"));
	assert_null(pack_find("a.gz.csv"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_is_unpacked),
		cmocka_unit_test(members_stand_behind_each_other),
		cmocka_unit_test(what_is_cut_is_not_whole),
		cmocka_unit_test(what_is_changed_is_refused),
		cmocka_unit_test(an_unpacker_begins_again),
		cmocka_unit_test(the_name_says_which),
	};

	return cmocka_run_group_tests_name("base/pack", tests, NULL, NULL);
}
