/* SPDX-License-Identifier: MIT */
/* Any JSON as the answer of an admission webhook, and what is made of it. */
#include <stddef.h>
#include <stdint.h>

#include "objects/api/admission/webhook_review.h"
#include "objects/codec.h"
#include "objects/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void take(const struct value *answer, int mutating)
{
	const struct match_request m = {"CREATE", kind_by_gvk("v1", "ConfigMap"), "", "n", "x"};
	const struct review_question q = {.request = &m, .as = m.kind, .version = "v1", .uid = "u"};
	struct review_answer said = {0};
	struct err err = ERR_INIT;
	int rc = review_take(&q, "a.b.c", mutating, answer, &said, &err);

	must(rc == 0 || err.msg[0]);
	must(rc < 0 || said.allowed || (said.code > 0 && said.why));
	must(!said.patch || mutating);
	if (rc == 0 && said.patch) {
		CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
		struct value *v = value_set_str(value_new_map(), "kind", "ConfigMap");

		value_unref(patch_json(v, said.patch, &faults));
	}
	review_answer_fini(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	CLEANUP_VALUE struct value *answer = NULL;

	kinds_init();
	answer = json_parse((const char *)data, size, &err);
	if (!answer)
		return 0;
	take(answer, 0);
	take(answer, 1);
	return 0;
}
