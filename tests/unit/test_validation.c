/* SPDX-License-Identifier: MIT */
/*
 * Rules of validation and the fields that their faults name: as Kubernetes does it, also where it
 * leaves out a step of the path or calls it otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "objects/codec.h"
#include "objects/schema.h"

#define META   "metadata: {name: a, namespace: d}\n"
#define POD    "apiVersion: v1\nkind: Pod\n" META "spec:\n"
#define IMAGE  "  containers: [{name: c, image: i}]\n"
#define VOLUME POD IMAGE "  volumes:\n  - {name: w, emptyDir: {}}\n  - name: v\n    "
#define PV                                                                                         \
	"apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: a}\nspec:\n"                     \
	"  capacity: {storage: 1Gi}\n  accessModes: [ReadWriteOnce]\n  "
#define CLAIM "apiVersion: v1\nkind: PersistentVolumeClaim\n" META "spec:\n"
#define INGRESS_CLASS                                                                              \
	"apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: c}\nspec: "
#define INGRESS                                                                                    \
	"apiVersion: networking.k8s.io/v1\nkind: Ingress\n"                                        \
	"metadata: {name: i, namespace: ns}\nspec: "
#define SERVICE "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: ns}\nspec: "
#define LIMITS  "apiVersion: v1\nkind: LimitRange\n" META "spec:\n  limits:\n  - "
#define SELECTS                                                                                    \
	"  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n"         \
	"    spec: {containers: [{name: c, image: i}]}\n"
#define CLASS                                                                                      \
	"apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: a}\n"                 \
	"provisioner: p\nallowedTopologies:\n"
#define API "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {"
#define HOOK                                                                                       \
	"apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\n"        \
	"metadata: {name: a}\nwebhooks:\n- name: a.b.c\n  sideEffects: None\n  "

/* The manifest and the fields that are named, blank-separated, in order; "": it is good. */
static const struct {
	const char *text, *fields;
} cases[] = {
	/* another name, or none */
	{VOLUME "gcePersistentDisk: {}\n", "spec.volumes[1].persistentDisk.pdName"},
	{VOLUME "gcePersistentDisk: {pdName: p, partition: 256}\n",
	 "spec.volumes[1].persistentDisk.partition"},
	{PV "gcePersistentDisk: {}\n", "spec.persistentDisk.pdName"},
	{VOLUME "downwardAPI: {items: [{path: p}]}\n", "spec.volumes[1].downwardAPI"},
	{VOLUME "downwardAPI: {items: [{path: p, fieldRef: {fieldPath: spec.nodeName}}]}\n",
	 "spec.volumes[1].downwardAPI.fieldRef.fieldPath"},
	{VOLUME "downwardAPI: {items: [{path: ../p, mode: 512, fieldRef: {fieldPath: "
		"metadata.name}}]}\n",
	 "spec.volumes[1].downwardAPI.mode spec.volumes[1].downwardAPI.path"},
	{VOLUME "projected: {sources: [{secret: {name: s, items: [{key: k, path: p}, {key: l, "
		"path: p}]}}]}\n",
	 "spec.volumes[1].projected"},
	{VOLUME "projected: {sources: [{serviceAccountToken: {}}]}\n",
	 "spec.volumes[1].projected.path"},
	{VOLUME "projected: {sources: [{serviceAccountToken: {path: p, expirationSeconds: 9}}]}\n",
	 "spec.volumes[1].projected.sources[0].serviceAccountToken.expirationSeconds"},
	{VOLUME "csi: {driver: d, nodePublishSecretRef: {name: B}}\n", "spec.volumes[1].csi.name"},
	{POD "  volumes: [{name: v, emptyDir: {}}]\n  containers:\n  - name: c\n    image: i\n"
	     "    volumeMounts: [{name: v, mountPath: /v, subPath: /p, mountPropagation: "
	     "Bidirectional}]\n",
	 "spec.containers[0].volumeMounts.subPath "
	 "spec.containers[0].volumeMounts.mountPropagation"},
	{"apiVersion: apps/v1\nkind: StatefulSet\n" META
	 "spec:\n  updateStrategy: {type: x}\n" SELECTS,
	 "spec.updateStrategy"},
	{"apiVersion: apps/v1\nkind: DaemonSet\n" META
	 "spec:\n  updateStrategy: {type: x}\n" SELECTS,
	 "spec.updateStrategy"},
	{"apiVersion: v1\nkind: Service\n" META
	 "spec:\n  type: LoadBalancer\n  ports: [{port: 1}]\n"
	 "  loadBalancerSourceRanges: [x]\n",
	 "spec.LoadBalancerSourceRanges[0]"},
	{"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: d, finalizers: [b!]}\n",
	 "metadata.finalizers metadata.finalizers[0]"},
	/* environment */
	{POD "  containers:\n  - name: c\n    image: i\n    env:\n    - {name: A, valueFrom: "
	     "{secretKeyRef: {name: B!, key: k}}}\n    - {name: B, valueFrom: {fieldRef: "
	     "{apiVersion: v2, fieldPath: metadata.name}}}\n    - {name: C, valueFrom: {fieldRef: "
	     "{fieldPath: metadata.labels}}}\n    - {name: D, valueFrom: {fieldRef: {fieldPath: "
	     "'metadata.uid[''x'']'}}}\n    - {name: E, valueFrom: {resourceFieldRef: {resource: "
	     "limits.cpu, divisor: 2}}}\n    envFrom: [{}]\n",
	 "spec.containers[0].env[0].valueFrom.secretKeyRef.name "
	 "spec.containers[0].env[1].valueFrom.fieldRef.fieldPath "
	 "spec.containers[0].env[2].valueFrom.fieldRef.fieldPath "
	 "spec.containers[0].env[3].valueFrom.fieldRef "
	 "spec.containers[0].env[4].valueFrom.resourceFieldRef.divisor "
	 "spec.containers[0].envFrom"},
	{POD "  containers:\n  - name: c\n    image: i\n    readinessProbe: {httpGet: {port: 1, "
	     "httpHeaders: [{name: 'a b', value: c}]}}\n    lifecycle: {preStop: {sleep: {seconds: "
	     "31}}}\n",
	 "spec.containers[0].readinessProbe.httpGet.httpHeaders "
	 "spec.containers[0].lifecycle.preStop.sleep"},
	{POD "  containers:\n  - name: c\n    image: i\n    ports: [{hostIP: any}]\n    "
	     "securityContext: "
	     "{appArmorProfile: {type: Localhost}}\n",
	 "spec.containers[0].securityContext.appArmorProfile.localhostProfile "
	 "spec.containers[0].ports[0].containerPort"},
	{POD "  containers:\n  - name: c\n    image: i\n    resources: {limits: {hugepages-2Mi: "
	     "2Mi}}\n    securityContext: {privileged: true, allowPrivilegeEscalation: false}\n",
	 "spec.containers[0].resources spec.containers[0].securityContext"},
	/* scheduling */
	{POD IMAGE
	 "  topologySpreadConstraints:\n  - {maxSkew: 1, topologyKey: 'any!', whenUnsatisfiable: "
	 "DoNotSchedule, matchLabelKeys: [k, 'b!'], labelSelector: {matchLabels: {k: v}}}\n"
	 "  - {maxSkew: 1, topologyKey: z, whenUnsatisfiable: DoNotSchedule, matchLabelKeys: "
	 "[k]}\n",
	 "spec.topologySpreadConstraints[0].matchLabelKeys[1] "
	 "spec.topologySpreadConstraints[0].matchLabelKeys[0] "
	 "spec.topologySpreadConstraints[1].matchLabelKeys"},
	{POD IMAGE
	 "  affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
	 "[{topologyKey: z, labelSelector: {}, matchLabelKeys: [k], mismatchLabelKeys: [k]}]}}\n",
	 "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]."
	 "matchLabelKeys[0]"},
	/* storage */
	{VOLUME "iscsi: {targetPortal: 1.2.3.4, iqn: iqn.2001-04.com.example:storage.x, "
		"initiatorName: ''}\n",
	 "spec.volumes[1].iscsi.initiatorname"},
	{VOLUME "iscsi: {targetPortal: 1.2.3.4, iqn: iqn.2001-04}\n", "spec.volumes[1].iscsi.iqn"},
	{VOLUME "iscsi: {targetPortal: 1.2.3.4, iqn: eui.0123456789abcdef}\n", ""},
	{VOLUME "flexVolume: {driver: d, options: {k8s.io: x, a.K8S.io/b: x, xk8s.io/b: x}}\n",
	 "spec.volumes[1].flexVolume.options[a.K8S.io/b] "
	 "spec.volumes[1].flexVolume.options[k8s.io]"},
	{PV "local: {path: /d}\n", "spec.nodeAffinity"},
	{PV "local: {path: /d/..}\n  nodeAffinity: {required: {nodeSelectorTerms: "
	    "[{matchExpressions: [{key: k, operator: Near}]}]}}\n",
	 "spec.local.path spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0]."
	 "operator"},
	{PV "csi: {driver: d, volumeHandle: h, nodeStageSecretRef: {name: s}, "
	    "controllerExpandSecretRef: {name: S}}\n",
	 "spec.csi.controllerExpandSecretRef.namespace spec.csi.controllerExpandSecretRef.name"},
	{PV "nfs: {path: p, server: s}\n", "spec.nfs.path"},
	{CLAIM "  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 0}}\n",
	 "spec.resources[storage]"},
	{CLAIM "  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1}}\n"
	       "  dataSource: {kind: VolumeSnapshot, name: s}\n",
	 "spec.dataSource"},
	{VOLUME "ephemeral: {volumeClaimTemplate: {spec: {accessModes: [Some]}}}\n",
	 "spec.volumes[1].ephemeral.volumeClaimTemplate.spec.accessModes "
	 "spec.volumes[1].ephemeral.volumeClaimTemplate.spec.resources[storage]"},
	{CLASS "- matchLabelExpressions: [{key: k, values: [a, a]}]\n- {}\n",
	 "allowedTopologies[0].matchLabelExpressions[0].values[1] "
	 "allowedTopologies[1].matchLabelExpressions"},
	/* limits */
	{LIMITS "type: Always\n", "spec.limits[0].type"},
	{LIMITS "type: PersistentVolumeClaim\n", "spec.limits[0].limits"},
	{LIMITS "{type: Container, max: {storage: 1}}\n",
	 "spec.limits[0].default[storage] spec.limits[0].defaultRequest[storage] "
	 "spec.limits[0].max[storage]"},
	{LIMITS "{type: Container, min: {cpu: 1}, max: {cpu: 2}, maxLimitRequestRatio: {cpu: 3, "
		"memory: 500m}}\n",
	 "spec.limits[0].maxLimitRequestRatio[cpu] spec.limits[0].maxLimitRequestRatio[memory]"},
	{LIMITS "{type: Container, min: {cpu: 1}, max: {cpu: 2}, maxLimitRequestRatio: {cpu: 2}}\n",
	 ""},
	/* who serves another API */
	{API
	 "name: v1beta1.b.io}\nspec: {group: b.io, version: v1beta1, groupPriorityMinimum: 100, "
	 "versionPriority: 100, insecureSkipTLSVerify: true, service: {name: s, namespace: ns}}\n",
	 ""},
	{API
	 "name: v1.b}\nspec: {group: b.io, version: 'V', groupPriorityMinimum: 0, versionPriority: "
	 "2000, insecureSkipTLSVerify: true}\n",
	 "spec.groupPriorityMinimum spec.versionPriority metadata.name spec.version "
	 "spec.insecureSkipTLSVerify"},
	/* who serves Ingresses, and what they serve */
	{INGRESS_CLASS "{}\n", "spec.controller"},
	{INGRESS_CLASS "{controller: acme.io/foo}\n", ""},
	{INGRESS_CLASS "{controller: acme}\n", "spec.controller"},
	{INGRESS_CLASS "{controller: 'acme/a b'}\n", "spec.controller"},
	{INGRESS_CLASS "{controller: a/b, parameters: {kind: K, name: p, scope: Namespace}}\n",
	 "spec.parameters.namespace"},
	{INGRESS_CLASS "{controller: a/b, parameters: {kind: K, name: p, namespace: ns}}\n",
	 "spec.parameters.namespace"},
	{INGRESS_CLASS
	 "{controller: a/b, parameters: {apiGroup: '', kind: K, name: p, scope: x}}\n",
	 "spec.parameters.scope spec.parameters.apiGroup"},
	{INGRESS "{defaultBackend: {resource: {apiGroup: '', kind: K, name: p}}}\n",
	 "spec.defaultBackend.resource.apiGroup"},
	{INGRESS "{rules: [{http: {paths: [{path: a, pathType: x, backend: {resource: {kind: K, "
		 "name: p}}}]}}]}\n",
	 "spec.rules[0].http.paths[0].pathType"},
	/* what holds to one client only */
	{SERVICE "{ports: [{port: 1}], sessionAffinityConfig: {clientIP: {timeoutSeconds: 10}}}\n",
	 ""},
	/* webhooks */
	{HOOK "admissionReviewVersions: [v1, v1]\n  clientConfig: {url: ''}\n",
	 "webhooks[0].clientConfig.url webhooks[0].admissionReviewVersions[1]"},
};

static void test_fields_are_named(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct value *v = yaml_parse_value(cases[i].text, strlen(cases[i].text), &err);
		const struct kind *k = kind_by_gvk(value_str(value_get(v, "apiVersion"), ""),
						   value_str(value_get(v, "kind"), ""));
		CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
		CLEANUP(buf_fini) struct buf fields = BUF_INIT;
		CLEANUP(buf_fini) struct buf all = BUF_INIT;

		if (!k)
			fail_msg("%s\n%s", err.msg, cases[i].text);
		v = kind_prepare(k, kind_default(k, schema_decode(k->schema, v, NULL, &faults)),
				 NULL, 0);
		kind_validate(k, v, NULL, 0, &faults);
		value_unref(v);
		for (size_t j = 0; j < faults.n; j++)
			buf_addf(&fields, "%s%s", j ? " " : "", faults.list[j].field);
		faults_render(&faults, NULL, &all);
		if (!str_eq(buf_str(&fields), cases[i].fields))
			fail_msg("%s\nwant: %s\ngot:  %s\n%s", cases[i].text, cases[i].fields,
				 buf_str(&fields), buf_str(&all));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_fields_are_named)};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
