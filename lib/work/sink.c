#include "work/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SINK_BLOCK (256u * 1024)

int sink_open(struct sink *s, const char *path, mode_t mode, struct err *err)
{
	*s = (struct sink)SINK_INIT;
	s->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (s->fd < 0)
		return err_errno(err, ERR_TARGET, errno, "make '%s'", path);
	s->path = path;
	s->buf = mem_alloc(SINK_BLOCK);
	s->pack = pack_find(path);
	if (s->pack)
		s->packer = s->pack->packer_new();
	return 0;
}

void sink_close(struct sink *s)
{
	if (!s->path)
		return;
	if (s->pack)
		s->pack->packer_free(s->packer);
	free(s->buf);
	mem_close_fd(&s->fd);
	*s = (struct sink)SINK_INIT;
}

static int write_all(struct sink *s, const uint8_t *data, size_t len, struct err *err)
{
	while (len) {
		ssize_t n = write(s->fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_TARGET, errno, "write '%s'", s->path);
		data += n;
		len -= (size_t)n;
		s->bytes += (uint64_t)n;
	}
	return 0;
}

static int flush(struct sink *s, struct err *err)
{
	size_t len = s->len;

	s->len = 0;
	return write_all(s, s->buf, len, err);
}

static int write_plain(struct sink *s, const uint8_t *data, size_t len, struct err *err)
{
	if (len > SINK_BLOCK - s->len && flush(s, err) < 0)
		return -1;
	if (len > SINK_BLOCK)
		return write_all(s, data, len, err);
	memcpy(s->buf + s->len, data, len);
	s->len += len;
	return 0;
}

/* 1: all that was given is taken, and with `last` all is out. */
static int pack_some(struct sink *s, struct pack_io *io, bool last, struct err *err)
{
	int rc;

	io->out = s->buf + s->len;
	io->out_len = SINK_BLOCK - s->len;
	rc = s->pack->pack(s->packer, io, last, err);
	if (rc < 0)
		return -1;
	s->len = SINK_BLOCK - io->out_len;
	if (s->len == SINK_BLOCK && flush(s, err) < 0)
		return -1;
	return last ? rc : io->in_len == 0;
}

static int write_packed(struct sink *s, struct pack_io *io, bool last, struct err *err)
{
	int rc;

	do
		rc = pack_some(s, io, last, err);
	while (rc == 0);
	return rc < 0 ? -1 : 0;
}

int sink_write(struct sink *s, const void *data, size_t len, struct err *err)
{
	struct pack_io io = {.in = data, .in_len = len};

	return s->pack ? write_packed(s, &io, false, err) : write_plain(s, data, len, err);
}

int sink_finish(struct sink *s, struct err *err)
{
	struct pack_io io = {.in = s->buf};

	if (s->pack && write_packed(s, &io, true, err) < 0)
		return -1;
	if (flush(s, err) < 0)
		return -1;
	if (fsync(s->fd) < 0)
		return err_errno(err, ERR_TARGET, errno, "write '%s' to the disk", s->path);
	return 0;
}

int sink_sync_dir(const char *dir, struct err *err)
{
	CLEANUP_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, ERR_TARGET, errno, "open '%s'", dir);
	if (fsync(fd) < 0 && errno != EINVAL) /* some file systems cannot, and need not */
		return err_errno(err, ERR_TARGET, errno, "write '%s' to the disk", dir);
	return 0;
}
