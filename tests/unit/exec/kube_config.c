#include "exec/kube_config.h"

#include <string.h>

#include "unit/support.h"

/* As oc login writes it. */
#define BLOCK                                                        \
	"apiVersion: v1\n"                                           \
	"clusters:\n"                                                \
	"- cluster:\n"                                               \
	"    certificate-authority-data: LS0tQ0EtLS0=\n"             \
	"    server: https://api.example.org:6443/\n"                \
	"  name: api-example-org:6443\n"                             \
	"contexts:\n"                                                \
	"- context:\n"                                               \
	"    cluster: api-example-org:6443\n"                        \
	"    namespace: dwh\n"                                       \
	"    user: me/api-example-org:6443\n"                        \
	"  name: dwh/api\n"                                          \
	"current-context: dwh/api\n"                                 \
	"kind: Config\n"                                             \
	"preferences: {}\n"                                          \
	"users:\n"                                                   \
	"- name: me/api-example-org:6443\n"                          \
	"  user:\n"                                                  \
	"    token: sha256~abc\n"

static void the_current_context_counts(void **state)
{
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct kube_config c;

	(void)state;
	must(kube_config_parse(BLOCK, strlen(BLOCK), "/x/config", &a, &c, &err), &err);
	assert_string_equal(c.server, "https://api.example.org:6443");
	assert_string_equal(c.ca, "---CA---");
	assert_string_equal(c.ns, "dwh");
	assert_string_equal(c.token, "sha256~abc");
	assert_string_equal(c.from, "kubeconfig '/x/config', context 'dwh/api'");
	assert_null(c.certificate);
	assert_null(c.plugin);
	arena_release(&a);
}

static void json_and_plugins(void **state)
{
	static const char text[] =
		"{\"current-context\":\"c\",\"contexts\":[{\"name\":\"c\",\"context\":{\"cluster\":\"k\",\"user\":\"u\"}}],"
		"\"clusters\":[{\"name\":\"k\",\"cluster\":{\"server\":\"https://h\",\"insecure-skip-tls-verify\":true}}],"
		"\"users\":[{\"name\":\"u\",\"user\":{\"exec\":{\"apiVersion\":\"client.authentication.k8s.io/v1beta1\","
		"\"command\":\"./bin/login\",\"args\":[\"--a\",\"b\"],\"env\":[{\"name\":\"N\",\"value\":\"v\"}]}}}]}";
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct kube_config c;

	(void)state;
	must(kube_config_parse(text, strlen(text), "/dir/config", &a, &c, &err), &err);
	assert_true(c.insecure);
	assert_string_equal(c.ns, "default");
	assert_string_equal(c.plugin[0], "/dir/./bin/login");
	assert_string_equal(c.plugin[1], "--a");
	assert_string_equal(c.plugin[2], "b");
	assert_null(c.plugin[3]);
	assert_string_equal(c.plugin_env[0], "N=v");
	assert_string_equal(c.plugin_api, "client.authentication.k8s.io/v1beta1");
	arena_release(&a);
}

static void mistakes_are_named(void **state)
{
#define CLUSTER "clusters: [{name: k, cluster: {server: 'https://h'}}]\n"
#define CONTEXT "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
#define USER(user) "users: [{name: u, user: {" user "}}]\n"
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", "it has no current-context"},
		{"{", "line "},
		{"a: b: c", "line 1"},
		{CLUSTER, "it has no current-context"},
		{"current-context: x\n", "there is no 'x' among its contexts"},
		{CONTEXT, "there is no 'k' among its clusters"},
		{CONTEXT CLUSTER, "there is no 'u' among its users"},
		{CONTEXT "clusters: [{name: k, cluster: {}}]\n", "its cluster has no 'server'"},
		{CONTEXT CLUSTER USER("client-certificate-data: QUJD"), "only one of"},
		{CONTEXT CLUSTER USER("client-certificate-data: '!'"), "is not base64"},
		{CONTEXT CLUSTER USER("client-certificate: /no/such/file"), "/no/such/file"},
		{CONTEXT CLUSTER USER("username: me, password: x"), "a password"},
		{CONTEXT CLUSTER USER("exec: {args: [a]}"), "no 'command'"},
		{"x: &a [1]\ny: *a\n", "alias"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a = ARENA_INIT;
		struct err err = ERR_INIT;
		struct kube_config c;

		assert_int_equal(kube_config_parse(cases[i].text, strlen(cases[i].text), "f", &a, &c, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		if (!strstr(err.msg, cases[i].message) || strncmp(err.msg, "kubeconfig 'f': ", 16) != 0)
			fail_msg("case %zu: %s", i, err.msg);
		arena_release(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_current_context_counts),
		cmocka_unit_test(json_and_plugins),
		cmocka_unit_test(mistakes_are_named),
	};

	return cmocka_run_group_tests_name("exec/kube_config", tests, NULL, NULL);
}
