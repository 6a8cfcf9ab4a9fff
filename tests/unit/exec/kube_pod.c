#include "exec/kube_pod.h"

#include <stdlib.h>
#include <string.h>

#include "exec/kube_names.h"
#include "unit/support.h"

/* The controller's pod, with what a kubelet and admission add. */
static const char self_text[] =
	"{\"metadata\":{\"name\":\"etl-controller-1\"},\"spec\":{\"hostAliases\":[{\"ip\":\"10.0.0.1\",\"hostnames\":[\"sql\"]}],"
	"\"imagePullSecrets\":[{\"name\":\"pull\"}],\"securityContext\":{\"fsGroup\":1000,\"runAsUser\":1000,\"sysctls\":[]},"
	"\"volumes\":[{\"name\":\"config\",\"configMap\":{\"name\":\"etl\"}},{\"name\":\"keytab\",\"secret\":{\"secretName\":"
	"\"k\"}},{\"name\":\"other\",\"emptyDir\":{}},{\"name\":\"default-token-x\",\"secret\":{\"secretName\":\"t\"}}],"
	"\"containers\":[{\"name\":\"kinit\",\"image\":\"i:1\",\"args\":[\"kinit-refresh\"]},"
	"{\"name\":\"c\",\"image\":\"i:2\",\"imagePullPolicy\":\"Never\",\"command\":[\"/etl\"],\"args\":[\"controller\"],"
	"\"workingDir\":\"/work\",\"env\":[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"ETL_POD\",\"value\":\"c\"}],"
	"\"volumeMounts\":[{\"name\":\"config\",\"mountPath\":\"/etc/etl\"},{\"name\":\"keytab\",\"mountPath\":\"/krb\","
	"\"readOnly\":true},{\"name\":\"default-token-x\",\"mountPath\":\"/var/run/secrets/kubernetes.io/serviceaccount\"}]}]}}";

static const char owner_text[] = "{\"kind\":\"Deployment\",\"uid\":\"d\"}";

struct fixture {
	struct json_doc *self, *owner, *pod;
	struct kube_order o;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	must(json_parse(self_text, strlen(self_text), &f->self, &f->err), &f->err);
	must(json_parse(owner_text, strlen(owner_text), &f->owner, &f->err), &f->err);
	f->o = (struct kube_order){.ns = "ns",
		.store_uid = "01234567-89ab-7def-8123-456789abcdef",
		.run_uid = "run-uid",
		.job_id = 5,
		.run_id = 17,
		.fence = 2,
		.job = "load planes",
		.controller = "etl-controller-1"};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	json_free(f->self);
	json_free(f->owner);
	json_free(f->pod);
	free(f);
	return 0;
}

static int make(struct fixture *f)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(KUBE_POD_MAX);

	json_free(f->pod);
	f->pod = NULL;
	if (kube_pod_make(&f->o, false, &out, &f->err))
		return -1;
	must(json_parse(buf_str(&out), out.len, &f->pod, &f->err), &f->err);
	return 0;
}

static void check(struct fixture *f, const char *path, const char *expected)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(KUBE_POD_MAX);
	struct json *v = json_get(json_root(f->pod), path);

	if (v)
		json_print(f->pod, v, false, &out);
	if (strcmp(buf_str(&out), expected) != 0)
		fail_msg("%s: %s, not %s", path, buf_str(&out), expected);
}

static void it_is_named_by_store_run_and_fence(void **state)
{
	struct fixture *f = *state;

	f->o.image = "i";
	f->o.owner = json_root(f->owner);
	must(make(f), &f->err);
	check(f, "metadata.name", "\"etl-456789abcdef-17-2\"");
	check(f, "metadata.namespace", "\"ns\"");
	check(f, "metadata.labels.etl/run", "\"17\"");
	check(f, "metadata.labels.etl/store", "\"01234567-89ab-7def-8123-456789abcdef\"");
	check(f, "metadata.annotations.etl/job-name", "\"load planes\"");
	check(f, "metadata.ownerReferences.0.uid", "\"d\"");
	check(f, "spec.restartPolicy", "\"Never\"");
	check(f, "spec.automountServiceAccountToken", "false");
	check(f, "spec.activeDeadlineSeconds", "");
	check(f, "spec.containers.0.args", "[\"worker\",\"--job\",\"5\"]");
}

static void what_the_controller_has_is_handed_on(void **state)
{
	struct fixture *f = *state;

	f->o.self = json_root(f->self);
	f->o.config = "/etc/etl/etl.ini";
	f->o.timeout = 1500;
	must(make(f), &f->err);
	check(f, "spec.containers.0.image", "\"i:2\"");
	check(f, "spec.containers.0.imagePullPolicy", "\"Never\"");
	check(f, "spec.containers.0.command", "[\"/etl\"]");
	check(f, "spec.containers.0.args", "[\"worker\",\"--job\",\"5\",\"--config\",\"/etc/etl/etl.ini\"]");
	check(f, "spec.containers.0.workingDir", "\"/work\"");
	check(f, "spec.containers.0.env.0.name", "\"A\"");
	check(f, "spec.containers.0.env.1.name", "\"ETL_RUN_FILE\""); /* not ETL_POD, which is the controller's */
	check(f, "spec.containers.0.env.2.value", "\"kubernetes:ns:etl-456789abcdef-17-2\"");
	check(f, "spec.containers.0.volumeMounts.0.mountPath", "\"/etc/etl\"");
	check(f, "spec.containers.0.volumeMounts.1.readOnly", "true");
	check(f, "spec.containers.0.volumeMounts.2.mountPath", "\"/tmp\""); /* not the token */
	check(f, "spec.containers.0.volumeMounts.3.mountPath", "\"/run/etl/run\"");
	check(f, "spec.volumes.4.name", "");
	check(f, "spec.volumes.3.secret.secretName", "\"etl-456789abcdef-17-2\"");
	check(f, "spec.imagePullSecrets.0.name", "\"pull\"");
	check(f, "spec.hostAliases.0.ip", "\"10.0.0.1\"");
	check(f, "spec.activeDeadlineSeconds", "62");
	check(f, "spec.securityContext", "{\"runAsNonRoot\":true,\"seccompProfile\":{\"type\":\"RuntimeDefault\"},"
					 "\"runAsUser\":1000,\"fsGroup\":1000}");
}

static void another_image_has_its_own_program(void **state)
{
	struct fixture *f = *state;

	f->o.self = json_root(f->self);
	f->o.image = "mine:1";
	must(make(f), &f->err);
	check(f, "spec.containers.0.image", "\"mine:1\"");
	check(f, "spec.containers.0.command", "");
	check(f, "spec.containers.0.imagePullPolicy", "");
}

static void a_patch_changes_what_may_be_changed(void **state)
{
	struct fixture *f = *state;

	f->o.self = json_root(f->self);
	f->o.timeout = 60000;
	f->o.patch = "{\"metadata\":{\"name\":\"x\",\"labels\":{\"etl/run\":\"9\",\"team\":\"a\"},\"ownerReferences\":[]},"
		     "\"spec\":{\"restartPolicy\":\"Always\",\"automountServiceAccountToken\":true,"
		     "\"activeDeadlineSeconds\":null,\"containers\":[{\"args\":[\"sh\"],\"resources\":{},"
		     "\"securityContext\":{\"readOnlyRootFilesystem\":false}}]}}";
	must(make(f), &f->err);
	check(f, "metadata.name", "\"etl-456789abcdef-17-2\"");
	check(f, "metadata.labels.etl/run", "\"17\"");
	check(f, "metadata.labels.team", "\"a\"");
	check(f, "spec.restartPolicy", "\"Never\"");
	check(f, "spec.automountServiceAccountToken", "false");
	check(f, "spec.activeDeadlineSeconds", "");
	check(f, "spec.containers.0.args", "[\"worker\",\"--job\",\"5\"]");
	check(f, "spec.containers.0.resources", "{}");
	check(f, "spec.containers.0.image", "\"i:2\"");
	check(f, "spec.containers.0.securityContext.readOnlyRootFilesystem", "false");
	check(f, "spec.containers.0.securityContext.capabilities", "{\"drop\":[\"ALL\"]}");
}

static void a_template_may_name_its_container_as_it_likes(void **state)
{
	struct fixture *f = *state;

	f->o.template_text = "{\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"i\",\"tty\":true}]}}";
	must(make(f), &f->err);
	check(f, "spec.containers.0.name", "\"worker\"");
	check(f, "spec.containers.0.tty", "true");
	check(f, "spec.containers.1", "");
}

static void what_cannot_be_a_pod(void **state)
{
	static const struct {
		const char *template_text, *patch, *image, *message;
	} cases[] = {
		{"{", NULL, "i", "the template: JSON"},
		{"[]", NULL, "i", "the template is not a Pod"},
		{"{\"kind\":\"Job\"}", NULL, "i", "the template is not a Pod"},
		{NULL, "{", "i", "the job's pod_patch"},
		{NULL, "[]", "i", "the patched pod is not a Pod"},
		{NULL, "{\"kind\":\"Job\"}", "i", "the patched pod is not a Pod"},
		{NULL, NULL, NULL, "nothing says which image"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		f->o.template_text = cases[i].template_text;
		f->o.patch = cases[i].patch;
		f->o.image = cases[i].image;
		err_clear(&f->err);
		assert_int_equal(make(f), -1);
		assert_int_equal(f->err.code, ERR_CONFIG);
		if (!strstr(f->err.msg, cases[i].message))
			fail_msg("case %zu: %s", i, f->err.msg);
	}
}

static void the_secret_belongs_to_the_pod(void **state)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(KUBE_POD_MAX);
	struct fixture *f = *state;

	kube_pod_secret(&f->o, "pod-uid", &out);
	must(json_parse(buf_str(&out), out.len, &f->pod, &f->err), &f->err);
	check(f, "metadata.name", "\"etl-456789abcdef-17-2\"");
	check(f, "metadata.ownerReferences.0.uid", "\"pod-uid\"");
	check(f, "stringData.run", "\"17:2:run-uid\"");
	check(f, "immutable", "true");
}

static void labels_are_what_a_cluster_takes(void **state)
{
	static const struct {
		const char *text, *label;
	} cases[] = {{"etl-controller-5d9f", "etl-controller-5d9f"}, {"", ""}, {"--a b--", "a_b"}, {"\xc3\xa4x", "x"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789",
			"012345678901234567890123456789012345678901234567890123456789012"}};
	char label[KUBE_LABEL_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		kube_label(cases[i].text, label);
		assert_string_equal(label, cases[i].label);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_named_by_store_run_and_fence),
		TEST(what_the_controller_has_is_handed_on),
		TEST(another_image_has_its_own_program),
		TEST(a_patch_changes_what_may_be_changed),
		TEST(a_template_may_name_its_container_as_it_likes),
		TEST(what_cannot_be_a_pod),
		TEST(the_secret_belongs_to_the_pod),
		TEST(labels_are_what_a_cluster_takes),
	};

	return cmocka_run_group_tests_name("exec/kube_pod", tests, NULL, NULL);
}
