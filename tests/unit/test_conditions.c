/* SPDX-License-Identifier: MIT */
/* matchConditions: what is refused, and when a webhook is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "objects/codec.h"
#include "objects/conditions.h"

static struct value *yaml(const char *text)
{
	struct err err = ERR_INIT;
	struct value *v = yaml_parse_value(text, strlen(text), &err);

	if (!v)
		fail_msg("%s: %s", text, err.msg);
	return v;
}

static int deny(void *arg, const struct cel_access *a, char why[512])
{
	(void)why;
	*(int *)arg += 1;
	return str_eq(a->verb, "get");
}

static int hold(const char *list, struct err *err)
{
	CLEANUP_VALUE struct value *conditions = yaml(list);
	CLEANUP_VALUE struct value *object =
		yaml("{metadata: {name: x, namespace: ns}, data: {a: b}}");
	CLEANUP_VALUE struct value *request =
		yaml("{operation: CREATE, namespace: ns, dryRun: false}");
	int n_asked = 0;
	struct condition_facts facts = {object, NULL, request, deny, &n_asked};

	return conditions_hold(conditions, &facts, err);
}

static void test_hold(void **state)
{
	struct err err = ERR_INIT;

	assert_int_equal(hold("[]", &err), 1);
	assert_int_equal(hold("[{name: a, expression: 'true'}]", &err), 1);
	assert_int_equal(hold("[{name: a, expression: \"object.metadata.name == 'x'\"}]", &err), 1);
	assert_int_equal(hold("[{name: a, expression: 'oldObject == null'}]", &err), 1);
	assert_int_equal(hold("[{name: a, expression: \"request.operation != 'DELETE'\"}]", &err),
			 1);
	assert_int_equal(hold("[{name: a, expression: \"request.namespace == 'ns'\"}]", &err), 1);
	assert_int_equal(
		hold("[{name: a, expression: 'true'}, {name: b, expression: 'false'}]", &err), 0);
	assert_int_equal(
		hold("[{name: a, expression: \"authorizer.group('').resource('pods').check('get')"
		     ".allowed()\"}]",
		     &err),
		1);
	assert_int_equal(
		hold("[{name: a, expression: \"authorizer.group('').resource('pods').check('list')"
		     ".allowed()\"}]",
		     &err),
		0);
	assert_int_equal(err.code, 0);
}

static void test_errors(void **state)
{
	struct err err = ERR_INIT;

	assert_int_equal(hold("[{name: a, expression: 'object.nothing.at.all == 1'}]", &err),
			 -EINVAL);
	assert_non_null(strstr(err.msg, "match condition \"a\": "));
	err_clear(&err);
	/* whatever else is wrong, one that does not hold says that nobody is to be asked */
	assert_int_equal(hold("[{name: a, expression: 'object.nothing.at.all == 1'}, {name: b, "
			      "expression: 'false'}]",
			      &err),
			 0);
	/* stored before it was looked at */
	assert_int_equal(hold("[{name: a, expression: '1 +'}]", &err), -EINVAL);
	assert_non_null(strstr(err.msg, "compilation failed: "));
}

static void assert_faults(const char *list, const char *old, const char *expected)
{
	CLEANUP_VALUE struct value *now = yaml(list), *was = old ? yaml(old) : NULL;
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	conditions_validate(now, was, PATH_FIELD(NULL, "c"), &faults);
	faults_render(&faults, NULL, &text);
	if (*expected ? !strstr(buf_str(&text), expected) : text.len != 0)
		fail_msg("'%s' was expected, not: %s", expected, buf_str(&text));
}

static void test_validation(void **state)
{
	assert_faults("[{name: a, expression: 'object.x == 1'}]", NULL, "");
	assert_faults("[{name: a, expression: 'object.x +'}]", NULL,
		      "c[0].expression: Invalid value: \"object.x +\": compilation failed: ");
	assert_faults("[{name: a, expression: 'other == 1'}]", NULL, "compilation failed: ");
	assert_faults("[{name: a, expression: '1 + 1'}]", NULL, "must evaluate to bool");
	assert_faults("[{name: a, expression: '  '}]", NULL, "c[0].expression: Required value");
	assert_faults("[{name: 'a b', expression: 'true'}]", NULL,
		      "c[0].name: Invalid value: \"a b\"");
	assert_faults("[{name: a, expression: 'true'}, {name: a, expression: 'true'}]", NULL,
		      "c[1].name: Duplicate value: \"a\"");
	/* what was there already stays */
	assert_faults("[{name: b, expression: 'object.x +'}]",
		      "[{name: a, expression: 'object.x +'}]", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_validation),
	};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
