/* SPDX-License-Identifier: MIT */
/* Roles, bindings and the write path together; the decision alone is check_rbac.py's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "auth/authorize.h"
#include "objects/codec.h"
#include "objects/store/backend.h"

#define RBAC "rbac.authorization.k8s.io"

struct fixture {
	char path[64];
	struct store *store;
	struct rbac *rbac;
	struct api *api;
};

static const struct caller master = {.user = "root",
				     .groups = (const char *[]){"system:masters", NULL}};
static const struct caller alice = {
	.user = "alice", .groups = (const char *[]){"dev", "system:authenticated", NULL}};

static int tear_down(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *wal = xasprintf("%s-wal", f->path), *shm = xasprintf("%s-shm", f->path);

	api_free(f->api);
	rbac_free(f->rbac);
	store_close(f->store);
	unlink(f->path);
	unlink(wal);
	unlink(shm);
	free(f);
	return 0;
}

static struct value *yaml(const char *text)
{
	struct documents docs = {0};
	struct faults faults = FAULTS_INIT;
	struct value *v;

	assert_int_equal(yaml_parse(text, strlen(text), &docs, &faults), 0);
	v = value_ref(docs.list[0].value);
	documents_fini(&docs);
	return v;
}

static int write_as(struct fixture *f, const struct caller *who, enum api_verb verb,
		    const char *text, struct err *err)
{
	struct value *v = yaml(text);
	const struct kind *k =
		kind_by_gvk(value_dig_str(v, "apiVersion", NULL), value_dig_str(v, "kind", NULL));
	struct api_request *r =
		api_request_new(verb, k, value_dig_str(v, "metadata", "namespace", NULL),
				value_dig_str(v, "metadata", "name", NULL));
	int rc;

	r->body = v;
	r->flags = verb == API_APPLY ? API_FORCE : 0;
	rc = api_call(f->api, who, r);
	if (rc && err) {
		err_clear(err);
		faults_to_err(&r->faults, err);
	}
	api_request_free(r);
	rbac_settle(f->rbac);
	return rc;
}

static int delete_as(struct fixture *f, const struct caller *who, const char *plural,
		     const char *ns, const char *name, struct err *err)
{
	const struct kind *k = kind_find("", "v1", plural);
	struct api_request *r;
	int rc;

	k = k ? k : kind_find(RBAC, "v1", plural);
	r = api_request_new(API_DELETE, k, ns, name);
	rc = api_call(f->api, who, r);
	if (rc && err) {
		err_clear(err);
		faults_to_err(&r->faults, err);
	}
	api_request_free(r);
	rbac_settle(f->rbac);
	return rc;
}

static void must(struct fixture *f, const char *text)
{
	struct err err = ERR_INIT;

	if (write_as(f, &master, API_APPLY, text, &err))
		fail_msg("%s", err.msg);
}

#define ROLE(name_, rules_)                                                                        \
	"{apiVersion: " RBAC "/v1, kind: Role, metadata: {name: " name_                            \
	", namespace: default}, rules: [" rules_ "]}"
#define BIND(name_, role_)                                                                         \
	"{apiVersion: " RBAC "/v1, kind: RoleBinding, metadata: {name: " name_                     \
	", namespace: default}, roleRef: {apiGroup: " RBAC ", kind: Role, name: " role_            \
	"}, subjects: [{kind: User, apiGroup: " RBAC ", name: alice}]}"
#define CONFIG(name_, data_)                                                                       \
	"{apiVersion: v1, kind: ConfigMap, metadata: {name: " name_                                \
	", namespace: default}, data: {k: " data_ "}}"

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct api_hooks hooks = {0};
	struct err err = ERR_INIT;

	kinds_init();
	snprintf(f->path, sizeof(f->path), "/tmp/test_rbac.%d.db", (int)getpid());
	unlink(f->path);
	f->store = store_open(backend_sqlite_open(f->path, &err), &err);
	assert_non_null(f->store);
	f->rbac = rbac_new(f->store);
	auth_hooks(f->rbac, &hooks);
	f->api = api_new(f->store, &hooks, &err);
	assert_int_equal(auth_bootstrap(f->api, &err), 0);
	rbac_settle(f->rbac);
	must(f, "{apiVersion: v1, kind: Namespace, metadata: {name: default}}");
	*state = f;
	return 0;
}

static int may(struct fixture *f, const struct caller *who, struct access what)
{
	return auth_check(f->rbac, who, &what, NULL) == 0;
}

/* -- decisions -- */

static void test_default_roles(void **state)
{
	struct fixture *f = *state;
	struct caller viewer = {.user = "v", .groups = (const char *[]){"viewers", NULL}};
	struct err err = ERR_INIT;
	uint64_t before;

	/* view, edit and admin hold what they take in, at once */
	must(f, "{apiVersion: " RBAC "/v1, kind: ClusterRoleBinding, metadata: {name: viewers}, "
		"roleRef: {apiGroup: " RBAC ", kind: ClusterRole, name: edit}, "
		"subjects: [{kind: Group, apiGroup: " RBAC ", name: viewers}]}");
	assert_true(may(f, &viewer, (struct access){"get", "", "pods", "log", "x", "p", NULL}));
	assert_true(may(f, &viewer,
			(struct access){"create", "apps", "deployments", "", "x", "", NULL}));
	assert_false(may(f, &viewer, (struct access){"get", RBAC, "roles", "", "x", "p", NULL}));
	assert_false(may(f, &viewer, (struct access){"list", "", "nodes", "", "", "", NULL}));
	/* everybody who is logged in */
	assert_true(may(f, &alice, (struct access){.verb = "get", .path = "/apis/apps"}));
	assert_false(may(f, &alice, (struct access){.verb = "get", .path = "/metrics"}));
	assert_true(may(f, &alice,
			(struct access){"create", "authorization.k8s.io",
					"selfsubjectaccessreviews", "", "", "", NULL}));
	/* made once */
	before = store_revision(f->store);
	assert_int_equal(auth_bootstrap(f->api, &err), 0);
	assert_int_equal(store_revision(f->store), before);
}

static size_t count_rules(struct fixture *f, const char *name)
{
	struct object *o = store_get(
		f->store, (struct objkey){kind_find(RBAC, "v1", "clusterroles"), "", name});
	size_t n = value_count(value_get(o->value, "rules"));

	object_unref(o);
	return n;
}

#define BASIC_USER(autoupdate_)                                                                    \
	"{apiVersion: " RBAC "/v1, kind: ClusterRole, metadata: {name: 'system:basic-user', "      \
	"annotations: {" RBAC_ANNOTATION ": '" autoupdate_ "'}}, rules: [{apiGroups: [x], "        \
	"resources: [z], verbs: [get]}]}"
#define RBAC_ANNOTATION "rbac.authorization.kubernetes.io/autoupdate"

static void test_reconciliation_at_start(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	if (write_as(f, &master, API_UPDATE, BASIC_USER("true"), &err))
		fail_msg("%s", err.msg);
	assert_int_equal(count_rules(f, "system:basic-user"), 1);
	assert_int_equal(auth_bootstrap(f->api, &err), 0);
	/* what is missing comes back, what was added stays */
	assert_int_equal(count_rules(f, "system:basic-user"), 3);
	assert_int_equal(write_as(f, &master, API_UPDATE, BASIC_USER("false"), &err), 0);
	assert_int_equal(auth_bootstrap(f->api, &err), 0);
	assert_int_equal(count_rules(f, "system:basic-user"), 1);
	assert_int_equal(delete_as(f, &master, "clusterroles", "", "system:basic-user", &err), 0);
	assert_int_equal(auth_bootstrap(f->api, &err), 0);
	assert_int_equal(count_rules(f, "system:basic-user"), 2);
}

static void test_each_verb_by_itself(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	must(f, ROLE("r", "{apiGroups: [''], resources: [configmaps], verbs: [create]}"));
	must(f, BIND("b", "r"));
	/* create: by POST and by applying what is not there, and nothing else */
	assert_int_equal(write_as(f, &alice, API_CREATE, CONFIG("a", "x"), &err), 0);
	assert_int_equal(write_as(f, &alice, API_APPLY, CONFIG("b", "x"), &err), 0);
	assert_int_equal(write_as(f, &alice, API_APPLY, CONFIG("b", "w"), &err), -EACCES);
	assert_string_equal(err.msg, "configmaps \"b\" is forbidden: User \"alice\" cannot patch "
				     "resource \"configmaps\" in API group \"\" in the namespace "
				     "\"default\"");
	assert_int_equal(write_as(f, &alice, API_UPDATE, CONFIG("b", "w"), &err), -EACCES);
	assert_int_equal(delete_as(f, &alice, "configmaps", "default", "b", &err), -EACCES);
	assert_string_equal(err.msg, "configmaps \"b\" is forbidden: User \"alice\" cannot delete "
				     "resource \"configmaps\" in API group \"\" in the namespace "
				     "\"default\"");
	/* patch without update, without create */
	must(f, ROLE("r", "{apiGroups: [''], resources: [configmaps], verbs: [patch]}"));
	assert_int_equal(write_as(f, &alice, API_APPLY, CONFIG("b", "z"), &err), 0);
	assert_int_equal(write_as(f, &alice, API_PATCH_MERGE, CONFIG("b", "q"), &err), 0);
	assert_int_equal(write_as(f, &alice, API_UPDATE, CONFIG("b", "w"), &err), -EACCES);
	assert_int_equal(write_as(f, &alice, API_APPLY, CONFIG("c", "z"), &err), -EACCES);
	assert_string_equal(err.msg, "configmaps is forbidden: User \"alice\" cannot create "
				     "resource \"configmaps\" in API group \"\" in the namespace "
				     "\"default\"");
	/* one object only */
	must(f, ROLE("r", "{apiGroups: [''], resources: [configmaps], resourceNames: [a], verbs: "
			  "[update, delete, create]}"));
	assert_int_equal(write_as(f, &alice, API_UPDATE, CONFIG("a", "w"), &err), 0);
	assert_int_equal(write_as(f, &alice, API_UPDATE, CONFIG("b", "w"), &err), -EACCES);
	/* a name that is not there yet narrows nothing: such a rule never creates */
	assert_int_equal(delete_as(f, &alice, "configmaps", "default", "a", &err), 0);
	assert_int_equal(write_as(f, &alice, API_CREATE, CONFIG("a", "w"), &err), -EACCES);
	/* without any right the answer is the same, whether the object is there or not */
	must(f, ROLE("r", ""));
	assert_int_equal(write_as(f, &alice, API_APPLY, CONFIG("b", "w"), &err), -EACCES);
	assert_non_null(strstr(err.msg, "cannot patch"));
	assert_int_equal(write_as(f, &alice, API_APPLY, CONFIG("nowhere", "w"), &err), -EACCES);
	assert_non_null(strstr(err.msg, "cannot patch"));
}

static void test_nobody_grants_what_he_lacks(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	must(f,
	     ROLE("r", "{apiGroups: [" RBAC "], resources: [roles, rolebindings], verbs: ['*']}, "
		       "{apiGroups: [''], resources: [pods, '*/log'], verbs: [get, list]}"));
	/* `*` holds bind and escalate, too */
	must(f, BIND("b", "r"));
	assert_int_equal(
		write_as(f, &alice, API_CREATE,
			 ROLE("free", "{apiGroups: ['*'], resources: ['*'], verbs: ['*']}"), &err),
		0);
	must(f,
	     ROLE("r", "{apiGroups: [" RBAC "], resources: [roles, rolebindings], verbs: [create, "
		       "update, patch]}, {apiGroups: [''], resources: [pods, '*/log'], verbs: "
		       "[get, list]}"));
	assert_int_equal(
		write_as(f, &alice, API_CREATE,
			 ROLE("mine",
			      "{apiGroups: [''], resources: [pods, pods/log], verbs: [list]}"),
			 &err),
		0);
	assert_int_equal(
		write_as(f, &alice, API_CREATE,
			 ROLE("more", "{apiGroups: ['', apps], resources: [pods, secrets], "
				      "verbs: [get, list]}, {apiGroups: [''], resources: "
				      "[pods], resourceNames: [a], verbs: [delete]}"),
			 &err),
		-EACCES);
	assert_string_equal(
		err.msg,
		"roles." RBAC " \"more\" is forbidden: user \"alice\" (groups=[\"dev\" "
		"\"system:authenticated\"]) is attempting to grant RBAC permissions not currently "
		"held:\n"
		"{APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"a\"], "
		"Verbs:[\"delete\"]}\n"
		"{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}\n"
		"{APIGroups:[\"apps\"], Resources:[\"pods\"], Verbs:[\"get\" \"list\"]}\n"
		"{APIGroups:[\"apps\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}");
	/* a role that holds more may not be changed, nor bound */
	assert_int_equal(write_as(f, &alice, API_UPDATE,
				  ROLE("mine", "{apiGroups: [''], resources: "
					       "['*'], verbs: [get]}"),
				  &err),
			 -EACCES);
	assert_int_equal(write_as(f, &alice, API_CREATE, BIND("grab", "free"), &err), -EACCES);
	assert_non_null(
		strstr(err.msg, "rolebindings." RBAC " \"grab\" is forbidden: user \"alice\""));
	assert_int_equal(write_as(f, &alice, API_CREATE, BIND("none", "nowhere"), &err), -ENOENT);
	assert_string_equal(err.msg, "roles." RBAC " \"nowhere\" not found");
	assert_int_equal(write_as(f, &alice, API_CREATE, BIND("fine", "mine"), &err), 0);
	/* who may bind it, may */
	must(f, ROLE("binder", "{apiGroups: [" RBAC "], resources: [roles], resourceNames: [free], "
			       "verbs: [bind]}"));
	must(f, BIND("binder", "binder"));
	assert_int_equal(write_as(f, &alice, API_CREATE, BIND("grab", "free"), &err), 0);
	assert_true(
		may(f, &alice, (struct access){"delete", "", "secrets", "", "default", "x", NULL}));
	assert_false(
		may(f, &alice, (struct access){"delete", "", "secrets", "", "prod", "x", NULL}));
}

static void test_dangling_and_taken_back(void **state)
{
	struct fixture *f = *state;
	struct access get = {"get", "", "pods", "", "default", "x", NULL};
	struct err err = ERR_INIT;
	uint64_t generation;

	must(f, BIND("b", "later"));
	assert_false(may(f, &alice, get));
	must(f, ROLE("later", "{apiGroups: [''], resources: [pods], verbs: [get]}"));
	assert_true(may(f, &alice, get));
	generation = rbac_generation(f->rbac);
	assert_int_equal(delete_as(f, &master, "rolebindings", "default", "b", &err), 0);
	assert_false(may(f, &alice, get));
	assert_true(rbac_generation(f->rbac) > generation);
	/* other writes make no new snapshot */
	generation = rbac_generation(f->rbac);
	for (int i = 0; i < 20; i++) {
		char text[200];

		snprintf(text, sizeof(text), CONFIG("c%d", "x"), i);
		must(f, text);
	}
	assert_int_equal(rbac_generation(f->rbac), generation);
}

static void test_reviews(void **state)
{
	struct fixture *f = *state;
	const struct kind *k = kind_by_gvk("authorization.k8s.io/v1", "SubjectAccessReview");
	struct faults faults = FAULTS_INIT;
	struct api_hooks hooks = {0};
	struct value *body, *status;

	auth_hooks(f->rbac, &hooks);
	must(f, ROLE("r", "{apiGroups: [''], resources: [pods], verbs: [get]}"));
	must(f, BIND("b", "r"));
	body = yaml(
		"{spec: {user: alice, resourceAttributes: {verb: get, resource: pods, namespace: "
		"default, name: x}}}");
	status = hooks.review(hooks.arg, &master, k, "", body, &faults);
	assert_true(value_bool(value_get(status, "allowed"), 0));
	value_unref(status);
	value_unref(body);
	body = yaml("{spec: {user: alice, resourceAttributes: {verb: list, resource: pods, "
		    "namespace: default}}}");
	status = hooks.review(hooks.arg, &master, k, "", body, &faults);
	assert_false(value_bool(value_get(status, "allowed"), 1));
	value_unref(status);
	value_unref(body);
	body = yaml("{spec: {namespace: default}}");
	status = hooks.review(hooks.arg, &alice,
			      kind_by_gvk("authorization.k8s.io/v1", "SelfSubjectRulesReview"), "",
			      body, &faults);
	assert_int_equal(value_count(value_get(status, "resourceRules")), 3);
	value_unref(status);
	value_unref(body);
	body = yaml("{spec: {user: alice}}");
	assert_null(hooks.review(hooks.arg, &master, k, "", body, &faults));
	assert_int_equal(faults.n, 1);
	value_unref(body);
	faults_fini(&faults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_default_roles, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reconciliation_at_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_each_verb_by_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nobody_grants_what_he_lacks, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_dangling_and_taken_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reviews, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
