#include "work/csv_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/text.h"

#define SUFFIX      ".csv"
#define NAMES_MAX   1000 /* of a directory that are looked at for a hint */
#define NAMES_SHOWN 8

/* --- finding ----------------------------------------------------------------- */

static bool has_suffix(const char *name)
{
	size_t len = strlen(name), n = strlen(SUFFIX);

	return len > n && strcmp(name + len - n, SUFFIX) == 0;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Anything there but a directory; what it is shows when it is opened. */
static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* A component of the path is "..", or there is no path. */
static bool leads_out(const char *table)
{
	const char *p = table;

	if (*table == '\0' || *table == '/')
		return true;
	while (*p) {
		size_t n = strcspn(p, "/");

		if (n == 2 && memcmp(p, "..", 2) == 0)
			return true;
		p += n;
		p += *p == '/';
	}
	return false;
}

/* What can be given as a table of the directory: files, without .csv where they have it. */
static size_t list_names(const char *dir, struct arena *a, const char **names)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	if (!d)
		return 0;
	while (n < NAMES_MAX && (e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (e->d_name[0] == '.' || is_directory(arena_printf(a, "%s/%s", dir, e->d_name)))
			continue;
		if (has_suffix(e->d_name))
			len -= strlen(SUFFIX);
		names[n++] = arena_strndup(a, e->d_name, len);
	}
	closedir(d);
	return n;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int not_found(const char *dir, const char *table, const char *path, struct arena *a,
	struct err *err)
{
	const char **names = arena_array(a, NAMES_MAX, sizeof(*names)), *near, *list = "";
	size_t n = list_names(dir, a, names);

	err_set(err, ERR_NOT_FOUND, "there is no table '%s': '%s' does not exist", table, path);
	if (n == 0)
		return err_hint(err, "'%s' has no files", dir);
	near = text_nearest(table, names, n);
	if (near)
		return err_hint(err, "did you mean '%s'?", near);
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n && i < NAMES_SHOWN; i++)
		list = arena_printf(a, "%s%s%s", list, i ? ", " : "", names[i]);
	return err_hint(err, "there are: %s%s", list, n > NAMES_SHOWN ? ", ..." : "");
}

static int find_in_directory(const char *dir, const char *table, struct arena *a,
	const char **ret_path, struct err *err)
{
	const char *path;

	if (leads_out(table)) {
		err_set(err, ERR_CONFIG, "table '%s' is not a name within '%s'", table, dir);
		return err_hint(err, "no '..' and no '/' in front");
	}
	path = arena_printf(a, "%s/%s", dir, table);
	if (!is_there(path) && !has_suffix(table))
		path = arena_printf(a, "%s/%s" SUFFIX, dir, table);
	if (!is_there(path))
		return not_found(dir, table, path, a, err);
	*ret_path = path;
	return 0;
}

/* The connection is a file: its name, with or without .csv, is the only table. */
static int find_itself(const char *path, const char *table, const char **ret_path, struct err *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strlen(name) - (has_suffix(name) ? strlen(SUFFIX) : 0);

	if (*table && strcmp(table, name) != 0 &&
		(strlen(table) != len || memcmp(table, name, len) != 0)) {
		err_set(err, ERR_NOT_FOUND, "there is no table '%s': '%s' is one file", table,
			path);
		return err_hint(err, "its table is '%.*s'", (int)len, name);
	}
	*ret_path = path;
	return 0;
}

int csv_file_find(const struct connection *conn, const char *table, struct arena *a,
	const char **ret_path, struct err *err)
{
	struct stat st;

	if (!table)
		table = "";
	if (stat(conn->path, &st) < 0)
		return err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno,
			"connection '%s': '%s'", conn->name, conn->path);
	if (!S_ISDIR(st.st_mode))
		return find_itself(conn->path, table, ret_path, err);
	return find_in_directory(conn->path, table, a, ret_path, err);
}

/* --- reading ----------------------------------------------------------------- */

static bool is_utf8(const char *encoding)
{
	return strcasecmp(encoding, "utf-8") == 0 || strcasecmp(encoding, "utf8") == 0;
}

static int open_encoding(struct csv_file *f, const char *encoding, struct err *err)
{
	f->encoding = encoding;
	if (is_utf8(encoding))
		return 0;
	f->iconv = iconv_open("UTF-8", encoding);
	if (f->iconv == (iconv_t)-1)
		return err_set(err, ERR_CONFIG, "encoding '%s' is not known", encoding);
	f->transcode = true;
	f->raw = mem_alloc(CSV_FILE_BLOCK);
	return 0;
}

int csv_file_open(struct csv_file *f, const char *path, const char *encoding, struct err *err)
{
	*f = (struct csv_file){.path = path, .fd = -1};
	if (open_encoding(f, encoding, err) < 0)
		return -1;
	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hang us */
	if (f->fd < 0)
		return err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "open '%s'",
			path);
	if (fstat(f->fd, &f->opened) < 0)
		return err_errno(err, ERR_IO, errno, "look at '%s'", path);
	if (!S_ISREG(f->opened.st_mode))
		return err_set(err, ERR_CONFIG, "'%s' is not a regular file", path);
	posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

void csv_file_close(struct csv_file *f)
{
	if (!f->path)
		return;
	if (f->transcode)
		iconv_close(f->iconv);
	free(f->raw);
	mem_close_fd(&f->fd);
	f->path = NULL;
}

/* 0 is the end. */
static ssize_t read_block(struct csv_file *f, char *to, size_t size, struct err *err)
{
	ssize_t n;

	do
		n = read(f->fd, to, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, ERR_IO, errno, "read '%s'", f->path);
	f->bytes += (uint64_t)n;
	return n;
}

static void end(struct csv_file *f, struct csv *csv)
{
	csv_end(csv);
	f->ended = true;
}

static void end_bad(struct csv_file *f, struct csv *csv, const char *what, unsigned byte)
{
	snprintf(f->bad, sizeof(f->bad), "byte 0x%02x %s '%.32s'", byte, what, f->encoding);
	csv_end_bad(csv, f->bad);
	f->ended = true;
}

/* Converts what is in `raw`; a cut character stays there. false: what follows is not convertible,
 * and the parser knows. */
static bool convert(struct csv_file *f, struct csv *csv)
{
	char *in = f->raw;

	while (f->raw_len) {
		size_t room, left;
		char *to = csv_room(csv, &room), *out = to;

		left = room;
		if (iconv(f->iconv, &in, &f->raw_len, &out, &left) == (size_t)-1 &&
			errno == EILSEQ) {
			csv_add(csv, (size_t)(out - to));
			end_bad(f, csv, "is not valid in", (unsigned char)*in);
			return false;
		}
		csv_add(csv, (size_t)(out - to));
		if (out == to) /* EINVAL: the character goes on in the next block */
			break;
	}
	memmove(f->raw, in, f->raw_len);
	return true;
}

static int feed_transcoded(struct csv_file *f, struct csv *csv, struct err *err)
{
	ssize_t n = read_block(f, f->raw + f->raw_len, CSV_FILE_BLOCK - f->raw_len, err);

	if (n < 0)
		return -1;
	f->raw_len += (size_t)n;
	if (!convert(f, csv) || n > 0)
		return 0;
	if (f->raw_len)
		end_bad(f, csv, "begins a character that the file ends in, in",
			(unsigned char)*f->raw);
	else
		end(f, csv);
	return 0;
}

int csv_file_feed(struct csv_file *f, struct csv *csv, struct err *err)
{
	size_t room;
	char *to;
	ssize_t n;

	if (f->transcode)
		return feed_transcoded(f, csv, err);
	to = csv_room(csv, &room);
	n = read_block(f, to, room < CSV_FILE_BLOCK ? room : CSV_FILE_BLOCK, err);
	if (n < 0)
		return -1;
	if (n)
		csv_add(csv, (size_t)n);
	else
		end(f, csv);
	return 0;
}

int csv_file_rewind(struct csv_file *f, struct err *err)
{
	if (lseek(f->fd, 0, SEEK_SET) < 0)
		return err_errno(err, ERR_IO, errno, "read '%s' again", f->path);
	if (f->transcode)
		iconv(f->iconv, NULL, NULL, NULL, NULL);
	f->bytes = 0;
	f->raw_len = 0;
	f->ended = false;
	return 0;
}

int csv_file_check(const struct csv_file *f, struct err *err)
{
	const struct stat *was = &f->opened;
	struct stat now;

	if (fstat(f->fd, &now) < 0)
		return err_errno(err, ERR_IO, errno, "look at '%s'", f->path);
	if (now.st_size != was->st_size || now.st_mtim.tv_sec != was->st_mtim.tv_sec ||
		now.st_mtim.tv_nsec != was->st_mtim.tv_nsec || f->bytes != (uint64_t)was->st_size)
		return err_set(err, ERR_DATA, "'%s' changed while it was read", f->path);
	return 0;
}
