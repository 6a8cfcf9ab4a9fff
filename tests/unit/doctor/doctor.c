#include "doctor/doctor.h"

#include <string.h>

#include "unit/support.h"

static void findings_are_kept_and_counted(void **state)
{
	struct arena a = {0};
	struct settings settings = {.file = NULL};
	struct doctor d = {.settings = &settings, .arena = &a};
	struct err err = ERR_INIT;
	char subject[] = "connection dw";

	(void)state;
	assert_int_equal(doctor_code(&d), ERR_NONE);
	doctor_say(&d, "kerberos", subject, "clock", DOCTOR_WARNING, "set it", "%d s", 61);
	subject[0] = 'X'; /* it was copied */
	err_set(&err, ERR_AUTH, "no");
	err_hint(&err, "say yes");
	doctor_fail(&d, "connection", "b", "login", &err);
	err_set(&err, ERR_NETWORK, "gone");
	doctor_fail(&d, "connection", "c", "port", &err);
	doctor_say(&d, "connection", "d", "rest", DOCTOR_SKIPPED, "", "not tried");
	assert_int_equal(d.n, 4);
	assert_string_equal(d.v[0].subject, "connection dw");
	assert_string_equal(d.v[0].text, "61 s");
	assert_string_equal(d.v[1].remedy, "say yes");
	assert_null(d.v[3].remedy);
	assert_int_equal(doctor_count(&d, DOCTOR_PROBLEM), 2);
	assert_int_equal(doctor_count(&d, DOCTOR_WARNING), 1);
	assert_int_equal(doctor_code(&d), ERR_AUTH); /* the first one's */
	assert_string_equal(doctor_state_name(DOCTOR_SKIPPED), "skipped");
	arena_release(&a);
}

/* What a message has of somebody's data is nobody's who reads a report. */
static void values_are_not_shown(void **state)
{
	struct arena a = {0};
	struct doctor d = {.arena = &a};
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, ERR_DATA, "cannot take " ERR_VALUE);
	err_value(&err, "Geheim", 6);
	doctor_fail(&d, "a", "b", "c", &err);
	assert_null(strstr(d.v[0].text, "Geheim"));
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(findings_are_kept_and_counted), cmocka_unit_test(values_are_not_shown)};

	return cmocka_run_group_tests_name("doctor/doctor", tests, NULL, NULL);
}
