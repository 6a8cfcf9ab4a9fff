#include "work/input.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"

#define DEV_NULL makedev(1, 3)

static bool is_dev_null(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == DEV_NULL;
}

static int open_stream(struct input *in, struct err *err)
{
	in->is_stream = in->keeping = true;
	buf_init(&in->kept, INPUT_KEPT_MAX);
	in->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	if (in->fd < 0 || fstat(in->fd, &in->opened) < 0)
		return err_errno(err, ERR_IO, errno, "open standard input");
	if (is_dev_null(&in->opened)) {
		err_set(err, ERR_CONFIG, "standard input is /dev/null");
		return err_hint(err,
			"path = - is for 'etl worker --job' in the foreground, with the "
			"data at its standard input: a controller's workers have none");
	}
	return 0;
}

static int open_file(struct input *in, struct err *err)
{
	in->fd = open(in->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hang us */
	if (in->fd < 0)
		return err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "open '%s'",
			in->path);
	if (fstat(in->fd, &in->opened) < 0)
		return err_errno(err, ERR_IO, errno, "look at '%s'", in->path);
	if (!S_ISREG(in->opened.st_mode))
		return err_set(err, ERR_CONFIG, "'%s' is not a regular file", in->path);
	posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

int input_open(struct input *in, const char *path, struct err *err)
{
	*in = (struct input){.path = path, .fd = -1};
	if (strcmp(path, INPUT_STDIN) == 0)
		return open_stream(in, err);
	in->pack = pack_find(path);
	if (in->pack) {
		in->unpacker = in->pack->unpacker_new();
		in->packed = mem_alloc(INPUT_BLOCK);
	}
	return open_file(in, err);
}

void input_close(struct input *in)
{
	if (!in->path)
		return;
	if (in->pack)
		in->pack->unpacker_free(in->unpacker);
	free(in->packed);
	buf_release(&in->kept);
	mem_close_fd(&in->fd);
	in->path = NULL;
}

/* Whether a read would not block; a file never does. */
static bool is_ready(const struct input *in)
{
	struct pollfd p = {.fd = in->fd, .events = POLLIN};

	return !in->is_stream || poll(&p, 1, INPUT_WAIT_MS) > 0;
}

/* As they stand there; as input_read. */
static int read_raw(struct input *in, void *to, size_t size, size_t *ret_n, struct err *err)
{
	ssize_t n;

	*ret_n = 0;
	if (in->ended)
		return 0;
	if (!is_ready(in))
		return 1;
	n = read(in->fd, to, size);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 1;
	if (n < 0)
		return err_errno(err, ERR_IO, errno, "read '%s'", in->path);
	in->bytes += (uint64_t)n;
	in->ended = n == 0;
	*ret_n = (size_t)n;
	return n > 0;
}

static int read_stream(struct input *in, void *to, size_t size, size_t *ret_n, struct err *err)
{
	size_t left = in->kept.len - in->replayed;
	int rc;

	if (!in->keeping && left) {
		*ret_n = left < size ? left : size;
		memcpy(to, in->kept.data + in->replayed, *ret_n);
		in->replayed += *ret_n;
		in->bytes += *ret_n;
		if (*ret_n == left) {
			buf_release(&in->kept);
			in->replayed = 0;
		}
		return 1;
	}
	rc = read_raw(in, to, size, ret_n, err);
	if (rc <= 0 || !in->keeping)
		return rc;
	buf_add(&in->kept, to, *ret_n);
	return buf_check(&in->kept, "what is kept of standard input", err) < 0 ? -1 : 1;
}

static int cut_short(const struct input *in, struct err *err)
{
	return err_set(err, ERR_DATA, "'%s': the %s data is cut short", in->path, in->pack->name);
}

static int read_packed(struct input *in, void *to, size_t size, size_t *ret_n, struct err *err)
{
	struct pack_io io = {.out = to, .out_len = size};
	int rc;

	if (in->packed_at == in->packed_len && !in->ended) {
		rc = read_raw(in, in->packed, INPUT_BLOCK, &in->packed_len, err);
		in->packed_at = 0;
		if (rc < 0)
			return -1;
	}
	io.in = in->packed + in->packed_at;
	io.in_len = in->packed_len - in->packed_at;
	if (in->pack->unpack(in->unpacker, &io, &in->whole, err) < 0)
		return err_wrap(err, "'%s'", in->path);
	in->packed_at = in->packed_len - io.in_len;
	*ret_n = size - io.out_len;
	if (*ret_n || !in->ended)
		return 1;
	return in->whole ? 0 : cut_short(in, err);
}

int input_read(struct input *in, void *to, size_t size, size_t *ret_n, struct err *err)
{
	assert(size);
	if (in->is_stream)
		return read_stream(in, to, size, ret_n, err);
	if (in->pack)
		return read_packed(in, to, size, ret_n, err);
	return read_raw(in, to, size, ret_n, err);
}

int input_rewind(struct input *in, struct err *err)
{
	if (in->is_stream) {
		assert(in->keeping);
		in->keeping = false;
	} else if (lseek(in->fd, 0, SEEK_SET) < 0) {
		return err_errno(err, ERR_IO, errno, "read '%s' again", in->path);
	} else {
		in->ended = false;
	}
	if (in->pack)
		in->pack->unpacker_reset(in->unpacker);
	in->whole = false;
	in->packed_at = in->packed_len = 0;
	in->bytes = 0;
	return 0;
}

int input_check(const struct input *in, struct err *err)
{
	const struct stat *was = &in->opened;
	struct stat now;

	if (in->is_stream)
		return 0;
	if (fstat(in->fd, &now) < 0)
		return err_errno(err, ERR_IO, errno, "look at '%s'", in->path);
	if (now.st_size != was->st_size || now.st_mtim.tv_sec != was->st_mtim.tv_sec ||
		now.st_mtim.tv_nsec != was->st_mtim.tv_nsec || in->bytes != (uint64_t)was->st_size ||
		!file_is_at(in->fd, in->path))
		return err_set(err, ERR_DATA, "'%s' changed while it was read", in->path);
	return 0;
}
