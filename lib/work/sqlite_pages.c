#include "work/sqlite_pages.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAF            0x0d
#define INTERIOR        0x05
#define LEAF_HEADER     8
#define INTERIOR_HEADER 12

/* §1.6: how much of a long record stays in its cell. */
#define LOCAL_MAX     (SQLITE_PAGE_SIZE - 35)
#define LOCAL_MIN     ((SQLITE_PAGE_SIZE - 12) * 32 / 255 - 23)
#define OVERFLOW_ROOM (SQLITE_PAGE_SIZE - 4)

#define LOCK_PAGE  ((1u << 30) / SQLITE_PAGE_SIZE + 1)
#define PAGES_MAX  0xfffffffeu
/* An interior page has more than 2,000 children: four levels are more than PAGES_MAX leaves. */
#define LEVELS_MAX 4

#define DB_HEADER_SIZE    100
#define DB_PAGE_SIZE_AT   16
#define DB_RESERVED_AT    20
#define DB_PAGES_AT       28
#define DB_AUTO_VACUUM_AT 52

/* A page that is being filled: cells grow down from its end, their pointers up from its header. */
struct page {
	uint8_t data[SQLITE_PAGE_SIZE];
	uint32_t cells, top;
};

/* An interior page and its last child, which becomes a cell when there is another one. */
struct level {
	struct page page;
	uint32_t child; /* 0: none */
	uint64_t key;   /* the largest rowid under it */
};

struct sqlite_pages {
	int fd;
	const char *path;
	uint32_t root, next; /* `next` is the first page behind the file */
	uint64_t rowid;      /* the last one */
	struct page leaf;
	struct level *levels[LEVELS_MAX]; /* from the leaves up; NULL: not needed so far */
	uint8_t overflow[SQLITE_PAGE_SIZE];
};

/* A record in two pieces. */
struct record {
	const uint8_t *part[2];
	size_t len[2];
};

static uint8_t *put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, v >> 16), v);
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/* --- the file --- */

static int write_at(
	struct sqlite_pages *p, const uint8_t *data, size_t len, uint64_t at, struct err *err)
{
	while (len) {
		ssize_t n = pwrite(p->fd, data, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_TARGET, errno, "write '%s'", p->path);
		data += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

static int write_page(struct sqlite_pages *p, uint32_t pgno, const uint8_t *data, struct err *err)
{
	return write_at(p, data, SQLITE_PAGE_SIZE, (uint64_t)(pgno - 1) * SQLITE_PAGE_SIZE, err);
}

/* The page behind `pgno`; SQLite never uses the one that its locks are on. */
static uint32_t after(uint32_t pgno)
{
	return pgno + 1 == LOCK_PAGE ? pgno + 2 : pgno + 1;
}

static int append_page(
	struct sqlite_pages *p, const uint8_t *data, uint32_t *ret_pgno, struct err *err)
{
	if (p->next >= PAGES_MAX)
		return err_set(err, ERR_LIMIT, "'%s' is larger than a database can be", p->path);
	if (write_page(p, p->next, data, err) < 0)
		return -1;
	*ret_pgno = p->next;
	p->next = after(p->next);
	return 0;
}

static int check_header(struct sqlite_pages *p, struct err *err)
{
	uint8_t h[DB_HEADER_SIZE];

	if (pread(p->fd, h, sizeof(h), 0) != (ssize_t)sizeof(h))
		return err_set(err, ERR_TARGET, "'%s': cannot read its header", p->path);
	if (get16(h + DB_PAGE_SIZE_AT) != SQLITE_PAGE_SIZE || h[DB_RESERVED_AT] ||
		get32(h + DB_AUTO_VACUUM_AT))
		return err_set(err, ERR_INTERNAL, "'%s' is not laid out for us", p->path);
	p->next = after(get32(h + DB_PAGES_AT));
	return 0;
}

int sqlite_pages_open(
	const char *path, uint32_t root, struct sqlite_pages **ret_pages, struct err *err)
{
	struct sqlite_pages *p = mem_alloc(sizeof(*p));

	p->path = path;
	p->root = root;
	p->leaf.top = SQLITE_PAGE_SIZE;
	p->fd = open(path, O_RDWR | O_CLOEXEC);
	if (p->fd < 0)
		err_errno(err, ERR_TARGET, errno, "open '%s'", path);
	if (p->fd < 0 || check_header(p, err) < 0) {
		sqlite_pages_free(p);
		return -1;
	}
	*ret_pages = p;
	return 0;
}

void sqlite_pages_free(struct sqlite_pages *p)
{
	if (!p)
		return;
	for (int i = 0; i < LEVELS_MAX; i++)
		free(p->levels[i]);
	mem_close_fd(&p->fd);
	free(p);
}

/* --- pages --- */

static bool has_room(const struct page *page, uint32_t header, uint32_t cell)
{
	return page->top >= header + 2 * (page->cells + 1) + cell;
}

/* Where the cell's bytes go. */
static uint8_t *add_cell(struct page *page, uint32_t header, uint32_t size)
{
	page->top -= size;
	put16(page->data + header + (size_t)2 * page->cells, page->top);
	page->cells++;
	return page->data + page->top;
}

static void seal(struct page *page, uint8_t type, uint32_t right)
{
	uint32_t header = type == LEAF ? LEAF_HEADER : INTERIOR_HEADER;
	uint32_t end = header + 2 * page->cells;
	uint8_t *h = page->data;

	*h++ = type;
	h = put16(h, 0); /* no free blocks */
	h = put16(h, page->cells);
	h = put16(h, page->top);
	*h++ = 0; /* no fragments */
	if (type == INTERIOR)
		put32(h, right);
	memset(page->data + end, 0, page->top - end);
}

static void clear(struct page *page)
{
	page->cells = 0;
	page->top = SQLITE_PAGE_SIZE;
}

static int add_child(
	struct sqlite_pages *p, int level, uint32_t child, uint64_t key, struct err *err);

/* The last cell's child becomes the page's right one, so that the next page begins with a child
 * already: an interior page without a cell is none. */
static int flush_level(struct sqlite_pages *p, int level, struct err *err)
{
	struct page *page = &p->levels[level]->page;
	const uint8_t *cell = page->data + page->top;
	uint32_t right = get32(cell), size = 4, pgno;
	uint64_t key = 0;

	do
		key = key << 7 | (cell[size] & 0x7f); /* rowids stay far below nine bytes */
	while (cell[size++] & 0x80);
	page->top += size;
	page->cells--;
	seal(page, INTERIOR, right);
	if (append_page(p, page->data, &pgno, err) < 0)
		return -1;
	clear(page);
	return add_child(p, level + 1, pgno, key, err);
}

static int add_child(
	struct sqlite_pages *p, int level, uint32_t child, uint64_t key, struct err *err)
{
	struct level *l;

	assert(level < LEVELS_MAX);
	l = p->levels[level];
	if (!l) {
		l = p->levels[level] = mem_alloc(sizeof(*l));
		clear(&l->page);
	}
	if (l->child) {
		uint8_t cell[4 + SQLITE_VARINT_MAX];
		uint32_t size = (uint32_t)(sqlite_put_varint(put32(cell, l->child), l->key) - cell);

		if (!has_room(&l->page, INTERIOR_HEADER, size) && flush_level(p, level, err) < 0)
			return -1;
		memcpy(add_cell(&l->page, INTERIOR_HEADER, size), cell, size);
	}
	l->child = child;
	l->key = key;
	return 0;
}

static int flush_leaf(struct sqlite_pages *p, struct err *err)
{
	uint32_t pgno;

	seal(&p->leaf, LEAF, 0);
	if (append_page(p, p->leaf.data, &pgno, err) < 0)
		return -1;
	clear(&p->leaf);
	return add_child(p, 0, pgno, p->rowid, err);
}

/* --- rows --- */

/* The next n bytes of the record. */
static void take(struct record *r, uint8_t *out, size_t n)
{
	for (int i = 0; i < 2 && n; i++) {
		size_t now = n < r->len[i] ? n : r->len[i];

		sqlite_put_bytes(out, r->part[i], now);
		r->part[i] += now;
		r->len[i] -= now;
		out += now;
		n -= now;
	}
}

/* The rest of the record in a chain of pages, one behind the other. */
static int write_overflow(struct sqlite_pages *p, struct record *r, struct err *err)
{
	uint32_t pgno;

	while (r->len[0] + r->len[1]) {
		size_t left = r->len[0] + r->len[1];
		size_t now = left < OVERFLOW_ROOM ? left : OVERFLOW_ROOM;

		put32(p->overflow, left > now ? after(p->next) : 0);
		take(r, p->overflow + 4, now);
		memset(p->overflow + 4 + now, 0, OVERFLOW_ROOM - now);
		if (append_page(p, p->overflow, &pgno, err) < 0)
			return -1;
	}
	return 0;
}

static uint32_t local_size(size_t payload)
{
	size_t local;

	if (payload <= LOCAL_MAX)
		return (uint32_t)payload;
	local = LOCAL_MIN + (payload - LOCAL_MIN) % OVERFLOW_ROOM;
	return (uint32_t)(local <= LOCAL_MAX ? local : LOCAL_MIN);
}

int sqlite_pages_add(struct sqlite_pages *p, const uint8_t *header, size_t header_len,
	const uint8_t *body, size_t body_len, struct err *err)
{
	struct record r = {{header, body}, {header_len, body_len}};
	size_t payload = header_len + body_len;
	uint8_t prefix[2 * SQLITE_VARINT_MAX], *cell;
	uint32_t local, prefix_len, size;

	if (payload > SQLITE_RECORD_MAX)
		return err_set(err, ERR_LIMIT, "the row is longer than the limit of %u bytes",
			SQLITE_RECORD_MAX);
	local = local_size(payload);
	prefix_len =
		(uint32_t)(sqlite_put_varint(sqlite_put_varint(prefix, payload), p->rowid + 1) -
			   prefix);
	size = prefix_len + local + (local < payload ? 4 : 0);
	if (!has_room(&p->leaf, LEAF_HEADER, size) && flush_leaf(p, err) < 0)
		return -1;
	cell = add_cell(&p->leaf, LEAF_HEADER, size);
	for (uint32_t i = 0; i < prefix_len; i++)
		*cell++ = prefix[i];
	take(&r, cell, local);
	p->rowid++;
	if (local == payload)
		return 0;
	put32(cell + local, p->next);
	return write_overflow(p, &r, err);
}

/* The highest level is the root. */
static int finish_levels(struct sqlite_pages *p, struct err *err)
{
	for (int i = 0; i < LEVELS_MAX; i++) {
		struct level *l = p->levels[i];
		uint32_t pgno;

		seal(&l->page, INTERIOR, l->child);
		if (i + 1 == LEVELS_MAX || !p->levels[i + 1])
			return write_page(p, p->root, l->page.data, err);
		if (append_page(p, l->page.data, &pgno, err) < 0 ||
			add_child(p, i + 1, pgno, l->key, err) < 0)
			return -1;
	}
	return 0;
}

/* One leaf is the root; several have parents. The last leaf and, after a flush, the last page of a
 * level are never empty, so that two children at least are on every level. */
static int finish_tree(struct sqlite_pages *p, struct err *err)
{
	if (p->rowid == 0)
		return 0;
	if (!p->levels[0]) {
		seal(&p->leaf, LEAF, 0);
		return write_page(p, p->root, p->leaf.data, err);
	}
	if (flush_leaf(p, err) < 0)
		return -1;
	return finish_levels(p, err);
}

int sqlite_pages_finish(struct sqlite_pages *p, struct err *err)
{
	uint8_t count[4];

	if (finish_tree(p, err) < 0)
		return -1;
	put32(count, p->next == LOCK_PAGE + 1 ? LOCK_PAGE - 1 : p->next - 1);
	return write_at(p, count, sizeof(count), DB_PAGES_AT, err);
}
