/* SPDX-License-Identifier: MIT */
#include "daemon/bootstrap.h"

#include <errno.h>

#include "objects/codec.h"

/* As kube-apiserver makes them: pkg/controlplane/controller/systemnamespaces, and the
 * scheduling PostStartHook. */
static const struct {
	const char *group, *version, *plural, *name, *rest;
} objects[] = {
	{"", "v1", "namespaces", "default", "{}"},
	{"", "v1", "namespaces", "kube-system", "{}"},
	{"", "v1", "namespaces", "kube-public", "{}"},
	{"", "v1", "namespaces", "kube-node-lease", "{}"},
	{"scheduling.k8s.io", "v1", "priorityclasses", "system-node-critical",
	 "{\"value\":2000001000,\"description\":\"Used for system critical pods that must not be "
	 "moved from their "
	 "current node.\"}"},
	{"scheduling.k8s.io", "v1", "priorityclasses", "system-cluster-critical",
	 "{\"value\":2000000000,\"description\":\"Used for system critical pods that must run in "
	 "the cluster, but can "
	 "be moved to another node if necessary.\"}"},
};

static int make(struct api *api, const struct kind *k, const char *name, const char *rest,
		struct err *err)
{
	static const struct caller self = {
		.user = "system:apiserver", .manager = "kube-apiserver", .trusted = 1};
	struct api_request *r = api_request_new(API_CREATE, k, "", name);
	int rc;

	r->body = json_parse(rest, strlen(rest), err);
	r->body = value_set_str(r->body, "apiVersion", kind_api_version(k));
	r->body = value_set_str(r->body, "kind", k->kind);
	r->body = value_bury(r->body, value_new_string(name), "metadata", "name", NULL);
	rc = api_call(api, &self, r);
	if (rc == -EEXIST)
		rc = 0;
	if (rc) {
		faults_to_err(&r->faults, err);
		err_wrap(err, "%s \"%s\"", kind_resource(k), name);
	}
	api_request_free(r);
	return rc;
}

int bootstrap(struct api *api, struct err *err)
{
	int rc;

	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		const struct kind *k =
			kind_find(objects[i].group, objects[i].version, objects[i].plural);
		struct object *there =
			store_get(api_store(api), (struct objkey){k, "", objects[i].name});

		if (there) {
			object_unref(there);
			continue;
		}
		rc = make(api, k, objects[i].name, objects[i].rest, err);
		if (rc)
			return rc;
	}
	return 0;
}
