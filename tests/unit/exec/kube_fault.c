#include "exec/kube_fault.h"

#include <string.h>

#include "unit/support.h"

#define STATUS(reason, message) "{\"kind\":\"Status\",\"reason\":\"" reason "\",\"message\":\"" message "\"}"

static void what_an_answer_means(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum kube_cure cure;
		const char *part;
	} cases[] = {
		{403, STATUS("Forbidden", "pods \\\"x\\\" is forbidden: exceeded quota: few"), KUBE_WAIT, "exceeded quota: few"},
		{403, STATUS("Forbidden", "User \\\"u\\\" cannot create resource \\\"pods\\\""), KUBE_REFUSED,
			"the right to 'create' 'pods' in namespace 'ns' is missing"},
		{403, STATUS("Forbidden", "violates PodSecurity \\\"restricted\\\""), KUBE_REFUSED, "violates PodSecurity"},
		{403, "", KUBE_REFUSED, "the right to 'create' 'pods'"},
		{401, STATUS("Unauthorized", "Unauthorized"), KUBE_RETRY, "does not know us"},
		{404, STATUS("NotFound", "namespaces \\\"ns\\\" not found"), KUBE_MISSING, "not found"},
		{409, STATUS("AlreadyExists", "pods \\\"x\\\" already exists"), KUBE_EXISTS, "already exists"},
		{409, STATUS("Conflict", "Operation cannot be fulfilled on resourcequotas"), KUBE_RETRY, "409"},
		{410, STATUS("Expired", "too old"), KUBE_OUTDATED, "too old"},
		{422, STATUS("Invalid", "spec.x: Required"), KUBE_REFUSED, "spec.x: Required"},
		{429, STATUS("TooManyRequests", "later"), KUBE_RETRY, "429: later"},
		{503, "<html>", KUBE_RETRY, "503"},
		{200, "{\"half", KUBE_RETRY, "not what was asked for"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_response r = {
			.status = cases[i].status, .body = cases[i].body, .len = strlen(cases[i].body), .retry_after = 7};
		struct kube_fault f;

		kube_fault_read(&r, "create", "pods", "ns", &f);
		if (f.cure != cases[i].cure || !strstr(f.words, cases[i].part))
			fail_msg("case %zu: cure %d, '%s'", i, f.cure, f.words);
		assert_int_equal(f.retry_after, 7);
	}
}

static void no_answer_is_tried_again(void **state)
{
	struct http_response r = {.retry_after = -1};
	struct kube_fault f;

	(void)state;
	err_set(&r.err, ERR_NETWORK, "https://x: refused");
	kube_fault_read(&r, "list", "pods", "ns", &f);
	assert_int_equal(f.cure, KUBE_RETRY);
	assert_int_equal(f.code, ERR_NETWORK);
	assert_string_equal(f.words, "https://x: refused");
}

static void delays(void **state)
{
	(void)state;
	assert_int_equal(kube_back_off(1, -1, 0), 250);
	assert_int_equal(kube_back_off(1, -1, 1), 500);
	assert_int_equal(kube_back_off(4, -1, 1), 4000);
	assert_int_equal(kube_back_off(100, -1, 1), 30000);
	assert_int_equal(kube_back_off(100, -1, 0), 15000);
	assert_int_equal(kube_back_off(1, 8000, 0), 8000); /* never sooner than it was said */
	assert_int_equal(kube_back_off(9, 8000, 1), 10500);
	assert_int_equal(kube_back_off(1, 0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_answer_means),
		cmocka_unit_test(no_answer_is_tried_again),
		cmocka_unit_test(delays),
	};

	return cmocka_run_group_tests_name("exec/kube_fault", tests, NULL, NULL);
}
