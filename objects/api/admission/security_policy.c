/* SPDX-License-Identifier: MIT */
/* The checks, a row each; the table is in the order in which Kubernetes names violations. */
#include "objects/api/admission/security_look.h"

/* BASELINE_ONLY: the restricted level has a stricter check of the same. */
enum { BASELINE = 1, RESTRICTED = 2, BASELINE_ONLY = 4 };

static const struct {
	void (*check)(struct look *l);
	int at, since;
} checks[] = {
	{check_app_armor, BASELINE, 0},         {check_app_armor_field, BASELINE, 30},
	{check_host_namespaces, BASELINE, 0},   {check_host_ports, BASELINE, 0},
	{check_probe_hosts, BASELINE, 34},      {check_privileged, BASELINE, 0},
	{check_proc_mount, BASELINE, 0},        {check_selinux, BASELINE, 0},
	{check_sysctls, BASELINE, 0},           {check_host_process, BASELINE, 0},
	{check_capabilities, BASELINE_ONLY, 0}, {check_host_paths, BASELINE_ONLY, 0},
	{check_seccomp, BASELINE_ONLY, 19},     {check_escalation, RESTRICTED, 8},
	{check_dropped, RESTRICTED, 22},        {check_volume_types, RESTRICTED, 0},
	{check_non_root, RESTRICTED, 0},        {check_root, RESTRICTED, 23},
	{check_seccomp_said, RESTRICTED, 19},
};

void security_violations(const struct value *pod, enum security_level level, int minor,
			 struct buf *out)
{
	int at = level == SECURITY_RESTRICTED ? BASELINE | RESTRICTED
		 : level == SECURITY_BASELINE ? BASELINE | BASELINE_ONLY
					      : 0;

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		struct look l = {.pod = pod, .spec = value_get(pod, "spec"), .minor = minor};

		if (!(checks[i].at & at) || checks[i].since > minor)
			continue;
		checks[i].check(&l);
		if (l.reason)
			buf_addf(out, "%s%s (%s)", out->len ? ", " : "", l.reason,
				 buf_str(&l.detail));
		buf_fini(&l.detail);
	}
}
