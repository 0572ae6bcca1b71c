/* SPDX-License-Identifier: MIT */
/*
 * Webhooks: programs of users that are asked over HTTPS. Whom to ask (clientConfig), asking, and
 * conversion between the versions of a CustomResourceDefinition; admission is the api's
 * (objects/api/admission/webhook*).
 *
 * A `url` is asked as it stands. A `service` is asked at a ready endpoint of it, straight, as
 * `<name>.<namespace>.svc`: EndpointSlices if it has any, else its Endpoints, in which named
 * target ports are numbers already. caBundle is the only trust; without one the machine's.
 *
 * Sources: Kubernetes "Dynamic Admission Control", "Versions in CustomResourceDefinitions";
 * apiserver pkg/util/webhook, apiextensions-apiserver pkg/apiserver/conversion.
 *
 * Locking: any thread. What asks also waits, up to its timeout: not on the loop, the committer or
 * a thread that answers others.
 */
#pragma once

#include "objects/store/store.h"
#include "util/https.h"

struct webhooks;

/* post(arg, ...) is how the network is reached. */
struct webhooks *webhooks_new(struct store *store, https_post_fn post, void *arg);
void webhooks_free(struct webhooks *w);

/*
 * Give a review to whom clientConfig names. Return: 0 with the map that was answered (owned), or
 * -errno: ETIMEDOUT, ECONNREFUSED, ...; EHOSTUNREACH the service has no endpoint; EINVAL an answer
 * that is no JSON; EIO another status than 200.
 */
int webhook_ask(struct webhooks *w, const struct value *client_config, unsigned timeout_seconds,
		const struct value *review, struct value **answer_out, struct err *err) MUST_CHECK;
/* The first version of a list (admissionReviewVersions, conversionReviewVersions) that we speak:
 * "v1" or "v1beta1". NULL: none. */
const char *webhook_version(const struct value *versions);
/* Is this answer a review of that version and kind, and about our uid? */
int webhook_check(const struct value *answer, const char *api_version, const char *kind,
		  const char *uid, struct err *err) MUST_CHECK;

/*
 * Objects as the store gave them: those that only the conversion webhook of their definition can
 * show whole (object->of) are asked for, some hundred at a time, and replaced in list. What was
 * converted once stays so as long as the snapshot lives. All are of one resource and version.
 */
int webhook_convert(struct webhooks *w, struct object **list, size_t n, struct err *err) MUST_CHECK;
/* One object of another version (apiVersion says which) as one of `to`. Owned, NULL with err. */
struct value *webhook_convert_value(struct webhooks *w, const struct kind *to,
				    const struct value *v, struct err *err);
