#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_READ_SIZE 65536

static int read_all(int fd, struct buf *ret_text, struct err *err)
{
	for (;;) {
		char *room;
		char chunk[FILE_READ_SIZE];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n == 0)
			return buf_check(ret_text, "the file", err);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_IO, errno, "read");
		room = buf_room(ret_text, (size_t)n);
		if (!room)
			return buf_check(ret_text, "the file", err);
		memcpy(room, chunk, (size_t)n);
		buf_advance(ret_text, (size_t)n);
	}
}

int file_read(const char *path, struct buf *ret_text, struct err *err)
{
	CLEANUP_CLOSE int fd = -1;

	if (strcmp(path, "-") == 0)
		return read_all(STDIN_FILENO, ret_text, err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "open '%s'",
			path);
	if (read_all(fd, ret_text, err))
		return err_wrap(err, "'%s'", path);
	return 0;
}

bool file_is_at(int fd, const char *path)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_dev == named.st_dev &&
	       ours.st_ino == named.st_ino;
}
