#include "krb/keytab.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "krb/krb.h"

#define COMPONENTS_MAX 32

struct bytes {
	const uint8_t *p;
	size_t left;
	bool cut;
};

static uint32_t number(struct bytes *b, size_t size)
{
	uint32_t n = 0;

	if (b->cut || b->left < size) {
		b->cut = true;
		return 0;
	}
	for (size_t i = 0; i < size; i++)
		n = n << 8 | b->p[i];
	b->p += size;
	b->left -= size;
	return n;
}

static void skip(struct bytes *b, size_t n)
{
	if (b->cut || b->left < n) {
		b->cut = true;
		return;
	}
	b->p += n;
	b->left -= n;
}

static bool record_is_whole(const uint8_t *data, size_t len)
{
	struct bytes b = {.p = data, .left = len};
	uint32_t components = number(&b, 2);

	if (components > COMPONENTS_MAX)
		return false;
	for (uint32_t i = 0; i <= components; i++) /* and the realm, first */
		skip(&b, number(&b, 2));
	skip(&b, 4 + 4 + 1 + 2); /* name type, time, version, type of the key */
	skip(&b, number(&b, 2));
	return !b.cut; /* a version of 4 bytes may follow */
}

bool keytab_is_whole(const uint8_t *data, size_t len)
{
	struct bytes b = {.p = data, .left = len};

	if (number(&b, 2) != 0x0502 || b.cut)
		return false;
	while (b.left) {
		int32_t size = (int32_t)number(&b, 4);
		size_t room = size < 0 ? (size_t) - (int64_t)size : (size_t)size; /* negative: a hole */

		if (b.cut || room == 0 || room > b.left || (size > 0 && !record_is_whole(b.p, room)))
			return false;
		skip(&b, room);
	}
	return true;
}

/* --- the file ------------------------------------------------------------------- */

int krb_keytab_check(const struct kerberos_options *o, struct err *err)
{
	struct stat st;
	unsigned open_to;

	if (!o->keytab) {
		err_set(err, ERR_CONFIG, "there is no keytab");
		return err_hint(err, "say [kerberos] keytab");
	}
	if (stat(o->keytab, &st))
		return err_errno(err, ERR_CONFIG, errno, "keytab '%s'", o->keytab);
	open_to = st.st_mode & (o->keytab_group ? S_IRWXO | S_IWGRP : S_IRWXG | S_IRWXO);
	if (open_to) {
		err_set(err, ERR_CONFIG, "keytab '%s' is open to others (mode %03o)", o->keytab,
			(unsigned)st.st_mode & 0777);
		return err_hint(err, "chmod %s; where a platform gives it to a group (fsGroup): keytab_group = yes",
			o->keytab_group ? "640" : "600");
	}
	if (access(o->keytab, R_OK))
		return err_errno(err, ERR_CONFIG, errno, "keytab '%s'", o->keytab);
	if (st.st_size > KRB_KEYTAB_MAX)
		return err_set(err, ERR_CONFIG, "keytab '%s' is too large to be one", o->keytab);
	return 0;
}

uint64_t krb_keytab_version(const struct kerberos_options *o)
{
	struct stat st;

	if (!o->keytab || stat(o->keytab, &st))
		return 0;
	return ((uint64_t)st.st_mtim.tv_sec * 1000000007u ^ (uint64_t)st.st_mtim.tv_nsec << 20 ^
		       (uint64_t)st.st_ino << 8 ^ (uint64_t)st.st_size) | 1;
}

int keytab_is_none(const struct kerberos_options *o, struct err *err)
{
	err_set(err, ERR_CONFIG, "'%s' is no keytab", o->keytab);
	return err_hint(err, "make one with ktpass, 'samba-tool domain exportkeytab', or ktutil");
}

int keytab_check_content(const struct kerberos_options *o, struct err *err)
{
	struct buf text = BUF_INIT(KRB_KEYTAB_MAX);
	int rc = file_read(o->keytab, &text, err);

	if (rc)
		err->code = ERR_CONFIG;
	else if (!keytab_is_whole((const uint8_t *)text.data, text.len))
		rc = keytab_is_none(o, err);
	if (text.data)
		explicit_bzero(text.data, text.cap);
	buf_release(&text);
	return rc;
}
