#include "krb/refused.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/support.h"

static void once_per_version_of_the_keytab(void **state)
{
	char dir[] = "/tmp/etl-refused-XXXXXX", ccache[64], file[96];
	struct kerberos_options o = {.ccache = ccache};
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(ccache, sizeof(ccache), "%s/cc", dir);
	snprintf(file, sizeof(file), "%s/cc.refused.a_b@R.ORG", dir);
	assert_false(refused_before(&o, "a/b@R.ORG", "1-0007"));
	refused_remember(&o, "a/b@R.ORG", "1-0007");
	assert_true(refused_before(&o, "a/b@R.ORG", "1-0007"));
	assert_false(refused_before(&o, "a/b@R.ORG", "1-0008"));
	assert_false(refused_before(&o, "c@R.ORG", "1-0007"));
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	refused_forget(&o, "a/b@R.ORG");
	assert_false(refused_before(&o, "a/b@R.ORG", "1-0007"));
	assert_int_equal(access(file, F_OK), -1);
	rmdir(dir);
}

/* What another has put there does not count. */
static void links_are_not_followed(void **state)
{
	char dir[] = "/tmp/etl-refused-XXXXXX", ccache[64], file[96], other[96];
	struct kerberos_options o = {.ccache = ccache};
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(ccache, sizeof(ccache), "%s/cc", dir);
	snprintf(file, sizeof(file), "%s/cc.refused.a@R", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	f = fopen(other, "w");
	assert_non_null(f);
	fputs("1-0007", f);
	fclose(f);
	assert_int_equal(symlink(other, file), 0);
	assert_false(refused_before(&o, "a@R", "1-0007"));
	unlink(file);
	unlink(other);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(once_per_version_of_the_keytab),
		cmocka_unit_test(links_are_not_followed)};

	return cmocka_run_group_tests_name("krb/refused", tests, NULL, NULL);
}
