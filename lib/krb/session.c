#include "krb/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <krb5.h>

#include "krb/enctype.h"
#include "krb/explain.h"
#include "krb/kdcs.h"
#include "krb/profile.h"

#define X(name, number, library) _Static_assert((int32_t)(name) == (int32_t)(library), "another number");
KRB_ERRORS(X)
#undef X

#define FILE_OF_FD "/proc/self/fd/%d"

const char *krb_version(void)
{
	const char *blank = strrchr(heimdal_version, ' '); /* "Heimdal 7.8.0" */

	return blank ? blank + 1 : heimdal_version;
}

/* In memory: the file system may be read-only. -1 with errno. */
static int file_of(const struct buf *text)
{
	int fd = memfd_create("krb5.conf", MFD_CLOEXEC);

	if (fd >= 0 && (buf_check(text, "krb5.conf", &(struct err)ERR_INIT) ||
			       write(fd, text->data, text->len) != (ssize_t)text->len)) {
		close(fd);
		return -1;
	}
	return fd;
}

int krb_start(const struct kerberos_options *o, struct err *err)
{
	/* Heimdal keeps the name (and its contexts read the file) as long as the process lives */
	static char files[64];
	CLEANUP(buf_release) struct buf text = BUF_INIT(PROFILE_MAX);
	const char *env = getenv("KRB5_CONFIG");
	int fd;

	if (env && *env)
		return kdcs_start(err);
	if (profile_write(o, &text, err))
		return -1;
	fd = file_of(&text);
	if (fd < 0)
		return err_errno(err, ERR_INTERNAL, errno, "a file in memory for Kerberos");
	/* a machine's own file says what [kerberos] does not, where that says nothing */
	snprintf(files, sizeof(files), FILE_OF_FD "%s", fd, o->realm ? "" : ":/etc/krb5.conf");
	krb5_config_file = files;
	return kdcs_start(err);
}

int krb_context_of(const struct buf *conf, struct krb5_context_data **ret)
{
	krb5_context ctx = NULL;
	char path[64], *files[2] = {path, NULL};
	int fd = file_of(conf), rc = -1;

	if (fd >= 0 && krb5_init_context(&ctx) == 0) {
		snprintf(path, sizeof(path), FILE_OF_FD, fd);
		rc = krb5_set_config_files(ctx, files) ? -1 : 0;
	}
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		*ret = ctx;
	else if (ctx)
		krb5_free_context(ctx);
	return rc;
}

void krb_session_release(struct krb_session *s)
{
	if (!s->ctx)
		return;
	if (s->cache)
		krb5_cc_close(s->ctx, s->cache);
	if (s->keytab)
		krb5_kt_close(s->ctx, s->keytab);
	if (s->client)
		krb5_free_principal(s->ctx, s->client);
	krb5_free_context(s->ctx);
}

int krb_session_open(const struct kerberos_options *o, struct krb_session *ret, struct err *err)
{
	krb5_enctype types[N_ENCTYPES + 1] = {KRB5_ENCTYPE_NULL};
	struct krb_session s = {.o = o};
	krb5_error_code code = krb5_init_context(&s.ctx);

	if (code)
		return err_set(err, ERR_CONFIG, "Kerberos: the configuration cannot be used (error %d)", (int)code);
	for (size_t i = 0; i < (o->allow_rc4 ? N_ENCTYPES : N_ENCTYPES_AES); i++)
		types[i] = (krb5_enctype)enctypes[i];
	krb5_allow_weak_crypto(s.ctx, o->allow_rc4); /* which RC4 is, by RFC 8429 */
	code = krb5_set_default_in_tkt_etypes(s.ctx, types);
	if (code == 0 && o->realm)
		code = krb5_set_default_realm(s.ctx, o->realm);
	if (code) {
		krb_session_release(&s);
		return err_set(err, ERR_INTERNAL, "Kerberos: error %d", (int)code);
	}
	*ret = s;
	return 0;
}

int krb_unparse(struct krb_session *s, const struct Principal *p, char out[KRB_NAME_MAX + 1])
{
	char *text = NULL;

	if (krb5_unparse_name(s->ctx, p, &text))
		return -1;
	snprintf(out, KRB_NAME_MAX + 1, "%s", text);
	free(text);
	return 0;
}

int krb_fail(struct krb_session *s, int32_t code, uint32_t nt_status, const char *what, struct err *err)
{
	const char *text = krb5_get_error_message(s->ctx, code);

	krb_explain(code, nt_status, what, text, err);
	krb5_free_error_message(s->ctx, text);
	return -1;
}
