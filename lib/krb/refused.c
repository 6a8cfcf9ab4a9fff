#include "krb/refused.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE    4096
#define VERSION_SIZE 64

/* "svc@EXAMPLE.ORG", with what a file's name cannot have as '_'. */
static void add_name(char *path, size_t size, const char *principal)
{
	size_t at = strlen(path);

	for (const char *p = principal; *p && at + 1 < size; p++)
		path[at++] = isalnum((unsigned char)*p) || strchr("@.-", *p) ? *p : '_';
	path[at] = '\0';
}

/* A directory that anybody else could write would let them keep us from our tickets, or worse. */
static bool is_ours(const char *directory)
{
	struct stat st;

	return lstat(directory, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

static bool find_path(const struct kerberos_options *o, const char *principal, bool make, char path[PATH_SIZE])
{
	if (o->ccache) {
		snprintf(path, PATH_SIZE, "%s.refused.", o->ccache);
	} else {
		snprintf(path, PATH_SIZE, "/tmp/etl-krb5-%u", (unsigned)geteuid());
		if (make)
			(void)mkdir(path, 0700);
		if (!is_ours(path))
			return false;
		strcat(path, "/refused.");
	}
	add_name(path, PATH_SIZE, principal);
	return true;
}

bool refused_before(const struct kerberos_options *o, const char *principal, const char *version)
{
	char path[PATH_SIZE], text[VERSION_SIZE] = "";
	struct stat st;
	bool same = false;
	int fd;

	if (!find_path(o, principal, false, path))
		return false;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && read(fd, text, sizeof(text) - 1) > 0)
		same = strcmp(text, version) == 0;
	close(fd);
	return same;
}

void refused_remember(const struct kerberos_options *o, const char *principal, const char *version)
{
	char path[PATH_SIZE];
	ssize_t len = (ssize_t)strlen(version);
	int fd;

	if (!find_path(o, principal, true, path))
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, version, (size_t)len) != len)
		(void)unlink(path);
	close(fd);
}

void refused_forget(const struct kerberos_options *o, const char *principal)
{
	char path[PATH_SIZE];

	if (find_path(o, principal, false, path))
		(void)unlink(path);
}
