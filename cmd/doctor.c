#include <stdio.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "doctor/doctor.h"

static void print_json(const struct doctor *d)
{
	CLEANUP_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc), *list = json_array(doc);

	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_finding *f = &d->v[i];
		struct json *item = json_object(doc);

		json_set_str(doc, item, "area", f->area);
		json_set_str(doc, item, "subject", f->subject);
		json_set_str(doc, item, "check", f->check);
		json_set_str(doc, item, "state", doctor_state_name(f->state));
		json_set_str(doc, item, "text", f->text);
		json_set_str(doc, item, "remedy", f->remedy);
		json_push(doc, list, item);
	}
	json_set(doc, o, "checks", list);
	json_set_int(doc, o, "problems", (int64_t)doctor_count(d, DOCTOR_PROBLEM));
	json_set_int(doc, o, "warnings", (int64_t)doctor_count(d, DOCTOR_WARNING));
	cmd_print_json(doc, o);
}

static void print(const struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_finding *f = &d->v[i];

		printf("%-8s %s: %s: %s\n", doctor_state_name(f->state), f->subject, f->check, f->text);
		if (f->remedy)
			printf("         → %s\n", f->remedy);
	}
	printf("%zu problems, %zu warnings\n", doctor_count(d, DOCTOR_PROBLEM), doctor_count(d, DOCTOR_WARNING));
}

int cmd_doctor(struct invocation *in, struct err *err)
{
	struct settings settings;
	struct doctor d = {.settings = &settings, .arena = &in->arena};

	if (cmd_settings(in, &settings, err))
		return -1;
	doctor_look(&d);
	if (cmd_flag(in, "json"))
		print_json(&d);
	else
		print(&d);
	return err_exit_code(doctor_code(&d));
}
