/* SPDX-License-Identifier: MIT */
/*
 * Certificate signing requests: whom they are for, and what for. The request itself is looked
 * at by whoever signs it.
 * Source: Kubernetes pkg/apis/certificates/validation/validation.go.
 */
#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"
#include "util/strmap.h"

#define LIFE_MIN 600 /* seconds */

/* The domain of "example.com/name". */
static const char *domain_is_wrong(const char *domain)
{
	return strchr(domain, '.') ? text_dns_subdomain(domain)
				   : "should be a domain with at least two segments separated by "
				     "dots";
}

static void check_signer(const char *name, const struct path *at, struct faults *faults)
{
	const char *slash = strchr(name, '/');
	CLEANUP_FREE char *domain = slash ? xstrndup(name, (size_t)(slash - name)) : NULL;

	if (!slash || strchr(slash + 1, '/')) {
		say_text(faults, at, name,
			 "must be a fully qualified domain and path of the form "
			 "'example.com/signer-name'");
		return;
	}
	say_text(faults, at, name, domain_is_wrong(domain));
	say_text(faults, at, name, text_dns_subdomain(slash + 1));
}

static void check_usages(const struct value *list, const struct path *at, struct faults *faults)
{
	static const char *const usages[] = {"any",
					     "cert sign",
					     "client auth",
					     "code signing",
					     "content commitment",
					     "crl sign",
					     "data encipherment",
					     "decipher only",
					     "digital signature",
					     "email protection",
					     "encipher only",
					     "ipsec end system",
					     "ipsec tunnel",
					     "ipsec user",
					     "key agreement",
					     "key encipherment",
					     "microsoft sgc",
					     "netscape sgc",
					     "ocsp signing",
					     "s/mime",
					     "server auth",
					     "signing",
					     "timestamping",
					     NULL};
	struct strmap seen = STRMAP_INIT;

	if (!value_count(list))
		say_required(faults, at, "");
	for (size_t i = 0; i < value_count(list); i++) {
		const char *one = value_str(value_at(list, i), "");

		check_enum(usages, value_at(list, i), PATH_INDEX(at, i), faults);
		if (strmap_set(&seen, one, (void *)1))
			say_duplicate(faults, PATH_INDEX(at, i), one);
	}
	strmap_fini(&seen);
}

void check_signing_request_spec(const struct value *now, const struct value *old,
				const struct value *root, const struct path *at,
				struct faults *faults)
{
	const struct value *life = value_get(now, "expirationSeconds");
	const char *signer = text_of(now, "signerName");

	if (*signer)
		check_signer(signer, PATH_FIELD(at, "signerName"), faults);
	check_usages(value_get(now, "usages"), PATH_FIELD(at, "usages"), faults);
	if (life && value_int(life, 0) < LIFE_MIN)
		say_invalid(faults, PATH_FIELD(at, "expirationSeconds"), life,
			    "may not specify a duration less than 600 seconds (10 minutes)");
}
