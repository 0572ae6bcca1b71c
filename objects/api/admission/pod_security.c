/* SPDX-License-Identifier: MIT */
/*
 * PodSecurity: the levels that a namespace's labels ask for. `enforce` refuses pods; `warn` is told
 * to the writer, `audit` to the audit log, of pods and of the templates of workloads.
 * Source: Kubernetes "Pod Security Admission".
 */
#include <errno.h>

#include "objects/api/admission/admission.h"
#include "objects/api/admission/security_policy.h"

#define LABEL "pod-security.kubernetes.io/"

static const char *const levels[] = {"privileged", "baseline", "restricted"};

/* -1: no such level. */
static int level_of(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (str_eq(levels[i], text))
			return (int)i;
	return -1;
}

/* "v1.30" is 30, "latest" and nothing the latest; -1: neither. */
static int minor_of(const char *text)
{
	char *end;
	long minor;

	if (!text || str_eq(text, "latest"))
		return SECURITY_LATEST;
	if (!str_starts(text, "v1.") || text[3] < '0' || text[3] > '9')
		return -1;
	minor = strtol(text + 3, &end, 10);
	return *end || minor > SECURITY_LATEST ? -1 : (int)minor;
}

/* What a pod violates of the namespace's level for this mode; "" when nothing. The level's name
 * as messages give it goes to name. */
static void violations(const struct value *ns, const char *mode, const struct value *pod,
		       struct buf *name, struct buf *out)
{
	CLEANUP_FREE char *key = xasprintf(LABEL "%s", mode);
	CLEANUP_FREE char *version_key = xasprintf(LABEL "%s-version", mode);
	const char *label = object_label(ns, key), *version = object_label(ns, version_key);
	int level = label ? level_of(label) : SECURITY_PRIVILEGED, minor = minor_of(version);

	if (level < 0) /* labels that came in before they were checked */
		level = SECURITY_RESTRICTED;
	if (minor < 0)
		minor = SECURITY_LATEST;
	buf_addf(name, "%s:%s", levels[level],
		 minor == SECURITY_LATEST || !version ? "latest" : version);
	security_violations(pod, (enum security_level)level, minor, out);
}

static struct value *would_violate(const struct value *ns, const char *mode,
				   const struct value *pod)
{
	CLEANUP(buf_fini) struct buf name = BUF_INIT, text = BUF_INIT;

	violations(ns, mode, pod, &name, &text);
	return text.len ? value_new_stringf("would violate PodSecurity \"%s\": %s", buf_str(&name),
					    buf_str(&text))
			: NULL;
}

static void tell(struct step *s, const struct value *ns, const struct value *pod)
{
	CLEANUP_VALUE struct value *audit = would_violate(ns, "audit", pod);
	struct value *warning = would_violate(ns, "warn", pod);

	if (audit)
		annotate_audit(s->r, LABEL "audit-violations", value_str(audit, ""));
	if (warning)
		warn_writer(s->r, warning);
}

static void check_pod(struct step *s, const struct value *next)
{
	CLEANUP_VALUE struct value *ns = look_up(s, "namespaces", "", "", s->r->ns);
	CLEANUP(buf_fini) struct buf name = BUF_INIT, text = BUF_INIT;

	violations(ns, "enforce", next, &name, &text);
	if (text.len) {
		forbid(s, EACCES, "violates PodSecurity \"%s\": %s", buf_str(&name),
		       buf_str(&text));
		return;
	}
	tell(s, ns, next);
}

static const struct value *template_of(const struct value *o)
{
	const struct value *template = value_dig(o, "spec", "template", NULL);

	return template ? template : value_dig(o, "spec", "jobTemplate", "spec", "template", NULL);
}

/* Pods that will be refused later are better told of now. */
static void check_template(struct step *s, const struct value *next)
{
	const struct value *template = template_of(next);
	CLEANUP_VALUE struct value *ns = NULL;

	if (!value_count(value_dig(template, "spec", "containers", NULL)) ||
	    !(s->r->kind->flags & KIND_NAMESPACED) || template == template_of(s->live))
		return;
	ns = look_up(s, "namespaces", "", "", s->r->ns);
	tell(s, ns, template);
}

/* -- the labels -- */

static void check_labels_of_mode(struct step *s, const struct value *ns, const char *mode)
{
	CLEANUP_FREE char *key = xasprintf(LABEL "%s", mode);
	CLEANUP_FREE char *version_key = xasprintf(LABEL "%s-version", mode);
	const struct value *labels = value_dig(ns, "metadata", "labels", NULL);
	const struct path *at = PATH_FIELD(PATH_FIELD(NULL, "metadata"), "labels");
	const struct value *level = value_get(labels, key);
	const struct value *version = value_get(labels, version_key);

	if (level && level_of(value_str(level, "")) < 0)
		fault_add(&s->r->faults, PATH_KEY(at, key), FAULT_INVALID, level,
			  "must be one of privileged, baseline, restricted");
	if (version && minor_of(value_str(version, "")) < 0)
		fault_add(&s->r->faults, PATH_KEY(at, version_key), FAULT_INVALID, version,
			  "must be \"latest\" or \"v1.x\"");
}

static void check_namespace(struct step *s, const struct value *next)
{
	if (s->live && value_equal(value_dig(next, "metadata", "labels", NULL),
				   value_dig(s->live, "metadata", "labels", NULL)))
		return;
	check_labels_of_mode(s, next, "enforce");
	check_labels_of_mode(s, next, "audit");
	check_labels_of_mode(s, next, "warn");
}

const struct plugin pod_security = {
	.plural = "pods", .group = "", .when = ON_CREATE, .check = check_pod};
const struct plugin pod_security_templates = {.when = ON_CREATE | ON_UPDATE,
					      .check = check_template};
const struct plugin pod_security_labels = {.plural = "namespaces",
					   .group = "",
					   .when = ON_CREATE | ON_UPDATE,
					   .check = check_namespace};
