/* SPDX-License-Identifier: MIT */
/*
 * /etc/hosts, /etc/resolv.conf and /etc/hostname of a pod's containers.
 * Source: Kubernetes "DNS for Services and Pods", "Adding entries to Pod /etc/hosts";
 * kubelet managedHostsFileContent, network/dns.
 */
#pragma once

#include "runtime/agent/pod.h"
#include "util/err.h"

/* spec.hostname, else the pod's name; at most 63 bytes. Owned. */
char *pod_hostname(const struct value *pod);
/* "<hostname>.<subdomain>.<ns>.svc.<domain>" when there is a subdomain, else NULL. Owned. */
char *pod_fqdn(const struct value *pod, const char *domain);

void hosts_render(const struct pod_state *st, const char *domain, struct buf *out);
struct dns_config {
	const char *domain;  /* "cluster.local" */
	const char *address; /* NULL: no cluster DNS */
	const char *host;    /* text of the host's own resolv.conf */
};
void resolv_render(const struct value *pod, const struct dns_config *dns, struct buf *out);

/* Write all three below dir (made when missing). They are root's, and mounted so that the pod's
 * root sees them as his. */
int pod_files_write(const struct pod_state *st, const struct dns_config *dns, const char *dir,
		    struct err *err) MUST_CHECK;
