/* SPDX-License-Identifier: MIT */
/* Expressions: what they evaluate to, how they are refused, what they cost. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "objects/cel/cel.h"
#include "objects/codec.h"

static struct value *yaml(const char *text)
{
	struct err err = ERR_INIT;
	struct value *v = yaml_parse_value(text, strlen(text), &err);

	if (!v)
		fail_msg("%s: %s", text, err.msg);
	return v;
}

/* `o` is anything: what evaluations are about. */
static const char object[] =
	"{name: web, num: 3, half: 0.5, none: null, fine: true, list: [1, 2, 3], words: [b, a], "
	"map: {a: 1, b: 2}, when: '2024-02-29T12:30:45Z', deep: {er: {x: 1}}}";

/* The result as JSON; or "ERR text", or "BAD text" when it does not compile. */
static char *evaluate(const char *text)
{
	CLEANUP(cel_env_freep) struct cel_env *env = cel_env_new();
	CLEANUP(buf_fini) struct buf why = BUF_INIT, out = BUF_INIT;
	CLEANUP_VALUE struct value *o = yaml(object), *result = NULL;
	int slot = cel_env_add(env, "o");
	CLEANUP(cel_program_unrefp) struct cel_program *p = NULL;
	CLEANUP(cel_run_freep) struct cel_run *run = NULL;
	struct err err = ERR_INIT;

	cel_env_allow_objects(env);
	p = cel_compile(text, env, &why);
	if (!p)
		return xasprintf("BAD %s", buf_str(&why));
	run = cel_run_new(env, CEL_COST_OBJECT);
	cel_run_bind(run, slot, o);
	if (cel_eval_value(run, p, &result, &err) < 0)
		return xasprintf("ERR %s", err.msg);
	json_render(result, &out);
	return buf_steal(&out);
}

struct sample {
	const char *text, *result;
};

static void check_samples(const struct sample *list, size_t n)
{
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *got = evaluate(list[i].text);

		if (strstr(list[i].result, "...") ? !strstr(got, list[i].result + 3)
						  : !str_eq(got, list[i].result)) {
			print_error("%s\n  is     %s\n  wanted %s\n", list[i].text, got,
				    list[i].result);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

static void test_language(void **state)
{
	static const struct sample list[] = {
		{"1 + 2 * 3 - 4 / 2 % 3", "5"},
		{"-9223372036854775808", "-9223372036854775808"},
		{"9223372036854775807 + 1", "ERR integer overflow"},
		{"-(-9223372036854775808)", "ERR integer overflow"},
		{"9223372036854775808", "... invalid int literal"},
		{"1 / 0", "ERR division by zero"},
		{"1 % 0", "ERR modulus by zero"},
		{"0x1F", "31"},
		{"3u - 4u", "ERR unsigned integer overflow"},
		{"1.5e3", "1500"},
		{"1.0 / 0.0 > 1e300", "true"},
		{"'a' + \"b\" + '''c'd''' + r'\\n'", "\"abc'd\\\\n\""},
		{"'\\x41\\u00e9\\U0001F600\\101\\n'", "\"A\u00e9\U0001F600A\\n\""},
		{"b'\\xff' == b'\\377'", "true"},
		{"size(b'abc') + size('h\u00e9')", "5"},
		{"'\\q'", "... unable to unescape string"},
		{"'abc", "... unterminated string literal"},
		{"true ? 1 : 2", "1"},
		{"1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3 && 1 != 2", "true"},
		{"1 in [1, 2] && !(3 in [1, 2]) && 'a' in {'a': 1}", "true"},
		{"[1, 2, 3][1]", "2"},
		{"[1][5]", "ERR index out of bounds: 5"},
		{"{'a': 1}['b']", "ERR no such key: b"},
		{"{'a': {'b': [10, 20]}}.a.b[1]", "20"},
		{"{1: 'x', 2u: 'y', true: 'z'}[2u]", "... expected type 'int' but found 'uint'"},
		{"[1, 'a']", "... expected type 'int' but found 'string'"},
		{"[1, o.num]", "[1,3]"},
		{"[1] + [2] == [1, 2]", "true"},
		{"null == null", "true"},
		{"// comment\n1", "1"},
		{"", "... mismatched input '<EOF>'"},
		{"1 +", "... mismatched input '<EOF>'"},
		{"1 1", "... mismatched input '1' expecting <EOF>"},
		{"namespace", "... reserved identifier: namespace"},
		{"a ~ b", "... token recognition error at: '~'"},
		{"nothing", "BAD ERROR: <input>:1:1: undeclared reference to 'nothing' (in "
			    "container '')\n | nothing\n | ^"},
		{"1 + 'a'",
		 "BAD ERROR: <input>:1:3: found no matching overload for '_+_' applied to "
		 "'(int, string)'\n | 1 + 'a'\n | ..^"},
		{"'a'.foo()", "... undeclared reference to 'foo' (in container '')"},
		{"'a'.size(1)", "... found no matching overload for 'size' applied to "
				"'string.(int)'"},
		{"'a'.b", "... type 'string' does not support field selection"},
		{"1 == 1.0",
		 "... found no matching overload for '_==_' applied to '(int, double)'"},
		{"dyn(1) == 1.0 && 1 < 1.5 && 2u > 1 && dyn(1u) == 1", "true"},
		{"type(1) == int && type('') == string && type([]) == list", "true"},
		{"type(timestamp('2020-01-01T00:00:00Z')) == google.protobuf.Timestamp", "true"},
	};

	check_samples(list, ARRAY_LEN(list));
}

static void test_objects(void **state)
{
	static const struct sample list[] = {
		{"o.name == 'web' && o.num == 3 && o.half == 0.5 && o.fine", "true"},
		{"o.none == null", "true"},
		{"o.deep.er.x + o.map.a", "2"},
		{"o['map']['b']", "2"},
		{"o.absent", "ERR no such key: absent"},
		{"has(o.absent) || has(o.deep.er)", "true"},
		{"has(o)", "... invalid argument to has() macro"},
		{"o.num + 'x'", "ERR no such overload"},
		{"o.list.size() == 3 && size(o.map) == 2", "true"},
		{"o.list.all(x, x > 0) && o.list.exists(x, x == 2)", "true"},
		{"o.map.all(k, k in ['a', 'b'])", "true"},
		{"o.map.all(k, v, v < 3)", "true"},
		{"o.list.exists_one(x, x > 2)", "true"},
		{"o.list.map(x, x * 2)", "[2,4,6]"},
		{"o.list.map(x, x > 1, x * 2)", "[4,6]"},
		{"o.list.filter(x, x != 2)", "[1,3]"},
		{"o.list.transformList(i, x, i * x)", "[0,2,6]"},
		{"o.map.transformMap(k, v, v + 1)", "{\"a\":2,\"b\":3}"},
		{"o.words.transformMapEntry(i, w, {w: i})", "{\"a\":1,\"b\":0}"},
		{"[1, 1].transformMapEntry(i, w, {w: i})", "ERR insert failed: key already exists"},
		{"[[1, 2], [3]].map(l, l.map(x, x + size(l)))", "[[3,4],[4]]"},
		{"[1].map(x + 1, x)", "... argument must be a simple name"},
		{"(1).all(x, true)",
		 "... expression of type 'int' cannot be range of a comprehension"},
		{"[1].all(x, x)",
		 "... found no matching overload for '_&&_' applied to '(bool, int)'"},
		/* errors and logic */
		{"o.absent || true", "true"},
		{"false && o.absent", "false"},
		{"o.absent && false", "false"},
		{"o.absent || false", "ERR no such key: absent"},
		{"o.list.exists(x, x / (x - 1) > 0)", "true"},
		{"o.list.all(x, x / (x - 1) > 100)", "false"},
		{"o.list.all(x, x / (x - 1) >= 0)", "ERR division by zero"},
		{"o.num || true", "true"},
		{"o.num ? 1 : 2", "ERR no such overload"},
		/* optionals */
		{"o.?absent.orValue('x')", "\"x\""},
		{"o.?deep.er.x.orValue(9)", "1"},
		{"o.?deep.nope.x.orValue(9)", "9"},
		{"o.list[?1].value() + o.list[?7].orValue(5)", "7"},
		{"optional.of(1).hasValue() && !optional.none().hasValue()", "true"},
		{"optional.none().value()", "ERR optional.none() dereference"},
		{"optional.of(2).optMap(x, x * 2).orValue(0)", "4"},
		{"optional.of(2).optFlatMap(x, optional.of(x + 1)).value()", "3"},
		{"optional.none().or(optional.of(3)).value()", "3"},
		{"optional.of(1).orValue(o.absent)", "1"},
		{"[?o.?absent, ?o.?name]", "[\"web\"]"},
		{"{?'a': o.?absent, 'b': 1}", "{\"b\":1}"},
		{"optional.ofNonZeroValue('').hasValue()", "false"},
		{"o.?none.hasValue()", "true"},
		/* objects that are made */
		{"Object{spec: Object.spec{replicas: 3}}", "{\"spec\":{\"replicas\":3}}"},
		{"Object{spec: Object.metadata{}}",
		 "... expected type of field 'spec' is 'Object.spec'"},
		{"[JSONPatch{op: 'add', path: '/a/' + jsonpatch.escapeKey('x/y~')}]",
		 "[{\"op\":\"add\",\"path\":\"/a/x~1y~0\"}]"},
		{"JSONPatch{ops: 'add'}", "... undefined field 'ops'"},
		{"Thing{}", "... undeclared reference to 'Thing'"},
	};

	check_samples(list, ARRAY_LEN(list));
}

static void test_libraries(void **state)
{
	static const struct sample list[] = {
		{"'hello'.charAt(1) + 'h\u00e9llo'.substring(1, 3)", "\"e\u00e9l\""},
		{"'hello mellow'.indexOf('ello', 2) + 'hello mellow'.lastIndexOf('ello')", "14"},
		{"'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c']",
		 "true"},
		{"'abc'.split('')", "[\"a\",\"b\",\"c\"]"},
		{"['a', 'b'].join('-') + ['x', 'y'].join()", "\"a-bxy\""},
		{"'  x\\t\\n'.trim() + 'AbC'.lowerAscii() + 'AbC'.upperAscii()", "\"xabcABC\""},
		{"'hello hello'.replace('he', 'we') + 'aaa'.replace('a', 'b', 2)",
		 "\"wello wellobba\""},
		{"'ab'.replace('', '-')", "\"-a-b-\""},
		{"'h\u00e9'.reverse()", "\"\u00e9h\""},
		{"'%s is %d, %.2f %x %b %%'.format([dyn('x'), 3, 1.5, 255, 5])",
		 "\"x is 3, 1.50 ff 101 %\""},
		{"'%s'.format([[dyn(1), 'a', null]])", "\"[1, a, null]\""},
		{"'%d'.format(['a'])",
		 "ERR error during formatting: %d is not supported for string"},
		{"strings.quote('a\"b\\n')", "\"\\\"a\\\\\\\"b\\\\n\\\"\""},
		{"'abc'.substring(2, 1)", "ERR invalid substring range. start: 2, end: 1"},
		{"'abc123'.matches('^[a-z]+[0-9]{3}$')", "true"},
		{"'abc'.matches('(a')", "... invalid matches argument"},
		{"'abc 123 def 45'.find('[0-9]+') + 'a1b22'.findAll('[0-9]+').join('/')",
		 "\"1231/22\""},
		{"'abcd'.findAll('[a-z]', 2)", "[\"a\",\"b\"]"},
		{"[1, 2, 2].isSorted() && ![2, 1].isSorted()", "true"},
		{"[1, 3, 2].max() + [4, 2].min() + [1, 2].sum()", "8"},
		{"[1, 2, 1].lastIndexOf(1) + ['a'].indexOf('b')", "1"},
		{"o.list.sum()", "6"},
		{"[].max()", "ERR max called on empty list"},
		{"sets.contains([1, 2], [2]) && sets.equivalent([1, 2, 2], [2, 1]) && "
		 "!sets.intersects([1], [2])",
		 "true"},
		{"timestamp('2024-02-29T12:30:45.5Z').getFullYear()", "2024"},
		{"timestamp(o.when).getDayOfYear()", "59"},
		{"timestamp(o.when).getDayOfWeek()", "4"},
		{"timestamp(o.when).getHours('+02:00') + timestamp(o.when).getMonth()", "15"},
		{"timestamp('2024-07-01T00:00:00Z').getHours('Europe/Berlin')", "2"},
		{"timestamp('2039-01-01T00:00:00Z').getHours('America/New_York')", "19"},
		{"timestamp('2024-01-01T00:00:00Z').getHours('../etc')",
		 "ERR unknown time zone ../etc"},
		{"timestamp('yesterday')", "... invalid timestamp argument"},
		{"timestamp('2024-01-01T00:00:00Z') + duration('36h') == "
		 "timestamp('2024-01-02T12:00:00Z')",
		 "true"},
		{"string(timestamp('2024-01-01T00:00:00Z') - timestamp('2023-12-31T23:59:58.5Z'))",
		 "\"1.5s\""},
		{"duration('1h30m').getMinutes()", "90"},
		{"duration('1x')", "... invalid duration argument"},
		{"string(1.0) + string(1e21) + string(0.1) + string(true) + string(-3)",
		 "\"11e+210.1true-3\""},
		{"int('42') + int(3.9) + int(5u)", "50"},
		{"int('x')", "ERR strconv.ParseInt: parsing \"x\": invalid syntax"},
		{"double('1.5') + double(1)", "2.5"},
		{"uint(-1)", "ERR unsigned integer overflow"},
		{"string(b'abc') + string(bytes('d'))", "\"abcd\""},
		{"quantity('1Gi').isGreaterThan(quantity('1G')) && "
		 "quantity('1500m').asApproximateFloat() == 1.5",
		 "true"},
		{"quantity('1').add(quantity('500m')).compareTo(quantity('1500m'))", "0"},
		{"isQuantity('1.5Gi') && !isQuantity('x')", "true"},
		{"quantity('1000m') == quantity('1')", "true"},
		{"quantity('500m').asInteger()", "ERR cannot convert value to integer"},
		{"ip('10.0.0.1').family() == 4 && isIP('::1') && !isIP('1.2.3') && "
		 "!isIP('1.2.3.04')",
		 "true"},
		{"ip.isCanonical('::1') && !ip.isCanonical('0::1')", "true"},
		{"ip('127.0.0.1').isLoopback() && ip('169.254.1.1').isLinkLocalUnicast() && "
		 "ip('8.8.8.8').isGlobalUnicast()",
		 "true"},
		{"cidr('10.0.0.0/8').containsIP('10.1.2.3') && "
		 "!cidr('10.0.0.0/8').containsCIDR('10.0.0.0/7')",
		 "true"},
		{"string(cidr('10.1.2.3/8').masked()) + string(cidr('10.1.2.3/8').ip())",
		 "\"10.0.0.0/810.1.2.3\""},
		{"isCIDR('10.0.0.0/33') || isCIDR('::/129')", "false"},
		{"url('https://user@example.com:8080/a%20b?q=1&q=2&r').getHost()",
		 "\"example.com:8080\""},
		{"url('https://[::1]:80/x').getHostname() + url('https://e.com:80/').getPort()",
		 "\"::180\""},
		{"url('https://e.com/a%20b?q=1&q=2').getQuery()", "{\"q\":[\"1\",\"2\"]}"},
		{"isURL('/path') && !isURL('../x') && !isURL('http://a b/')", "true"},
		{"semver('1.2.3-rc.1').isLessThan(semver('1.2.3')) && semver('1.10.0').minor() == "
		 "10",
		 "true"},
		{"isSemver('v1.2') || !isSemver('v1.2', true)", "false"},
		{"semver('1.0.0-alpha.beta').compareTo(semver('1.0.0-alpha.1'))", "1"},
		{"format.dns1123Label().validate('Bad').hasValue() && "
		 "!format.named('dns1123Label').value().validate('good').hasValue()",
		 "true"},
		{"format.named('nope').hasValue()", "false"},
	};

	check_samples(list, ARRAY_LEN(list));
}

static void test_bounds(void **state)
{
	CLEANUP(buf_fini) struct buf deep = BUF_INIT, chain = BUF_INIT, mixed = BUF_INIT;
	static const struct sample list[] = {
		{"[1,2,3,4,5,6,7,8,9,10].map(a, [1,2,3,4,5,6,7,8,9,10].map(b, "
		 "[1,2,3,4,5,6,7,8,9,10].map(c, [1,2,3,4,5,6,7,8,9,10].map(d, "
		 "[1,2,3,4,5,6,7,8,9,10].map(e, [1,2,3,4,5,6,7,8,9,10].map(f, f))))))",
		 "ERR operation cancelled: actual cost limit exceeded"},
		{"[1,2,3,4,5,6,7,8,9,10].exists(a, ![1,2,3,4,5,6,7,8,9,10].all(b, "
		 "[1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, "
		 "[1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, true)))))) || true",
		 "ERR operation cancelled: actual cost limit exceeded"},
	};

	check_samples(list, ARRAY_LEN(list));
	for (int i = 0; i < 30000; i++) {
		buf_addc(&deep, '(');
		buf_adds(&chain, i ? "+1" : "1");
		buf_adds(&mixed, i ? ".a" : "o");
	}
	for (size_t i = 0; i < 3; i++) {
		const char *text = buf_str(i == 0 ? &deep : i == 1 ? &chain : &mixed);
		CLEANUP_FREE char *got = evaluate(text);

		assert_non_null(strstr(got, "recursion limit exceeded"));
	}
}

static void test_cost(void **state)
{
	static const struct {
		const char *text;
		uint64_t cost;
	} list[] = {
		{"true", 0},
		{"o.num == 3", 3},
		{"has(o.num)", 1},
		{"[1, 2]", 10},
		{"{'a': 1}", 30},
		{"o.name.startsWith('w')", 3},
		{"o.list.all(x, x > 0)", 2 + 1 + 3 * (3 + 2)},
	};
	CLEANUP(cel_env_freep) struct cel_env *env = cel_env_new();
	CLEANUP_VALUE struct value *o = yaml(object);
	int slot = cel_env_add(env, "o");

	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		CLEANUP(buf_fini) struct buf why = BUF_INIT;
		CLEANUP(cel_program_unrefp)
		struct cel_program *p = cel_compile(list[i].text, env, &why);
		CLEANUP(cel_run_freep) struct cel_run *run = cel_run_new(env, CEL_COST_OBJECT);
		CLEANUP_VALUE struct value *result = NULL;
		struct err err = ERR_INIT;

		assert_non_null(p);
		cel_run_bind(run, slot, o);
		assert_int_equal(cel_eval_value(run, p, &result, &err), 0);
		if (cel_run_cost(run) != list[i].cost)
			fail_msg("%s costs %llu, not %llu", list[i].text,
				 (unsigned long long)cel_run_cost(run),
				 (unsigned long long)list[i].cost);
		assert_int_equal(cel_run_left(run), CEL_COST_OBJECT - list[i].cost);
	}
}

/* A variable that is another's result: evaluated once, and only when it is asked for. */
static void test_lazy(void **state)
{
	CLEANUP(cel_env_freep) struct cel_env *env = cel_env_new();
	CLEANUP(buf_fini) struct buf why = BUF_INIT;
	CLEANUP_VALUE struct value *o = yaml(object);
	int slot = cel_env_add(env, "o"), a, b, out;
	CLEANUP(cel_program_unrefp) struct cel_program *first = NULL, *second = NULL, *p = NULL;
	CLEANUP(cel_run_freep) struct cel_run *run = NULL;
	struct err err = ERR_INIT;

	first = cel_compile("o.list.map(x, [x].map(y, y + 1)[0])", env, &why);
	a = cel_env_add_result(env, "variables.first", first);
	second = cel_compile("o.absent", env, &why);
	b = cel_env_add_result(env, "variables.second", second);
	assert_null(cel_compile("variables.third", env, &why));
	assert_non_null(strstr(buf_str(&why), "undefined field 'third'"));
	p = cel_compile("[1].all(z, variables.first.all(x, x + z > 2) && variables.first[2] == 4)",
			env, &why);
	assert_non_null(p);
	assert_true(cel_program_uses(p, a) && !cel_program_uses(p, b) &&
		    !cel_program_uses(p, slot));
	run = cel_run_new(env, CEL_COST_OBJECT);
	cel_run_bind(run, slot, o);
	cel_run_bind_program(run, a, first);
	cel_run_bind_program(run, b, second);
	assert_int_equal(cel_eval_bool(run, p, &out, &err), 0);
	assert_true(out);
	cel_program_unref(p);
	p = cel_compile("variables.second == 1", env, &why);
	assert_int_equal(cel_eval_bool(run, p, &out, &err), -EINVAL);
	assert_string_equal(err.msg, "no such key: absent");
}

static int may(void *arg, const struct cel_access *a, char why[512])
{
	snprintf(why, 512, "%s %s/%s in %s by %s", a->verb, a->group, a->resource, a->ns,
		 a->account ? a->account : "himself");
	return str_eq(a->verb, "get");
}

static void test_authorizer(void **state)
{
	CLEANUP(cel_env_freep) struct cel_env *env = cel_env_new();
	CLEANUP(buf_fini) struct buf why = BUF_INIT;
	CLEANUP(cel_program_unrefp) struct cel_program *p = NULL;
	CLEANUP(cel_run_freep) struct cel_run *run = NULL;
	const struct cel_access access = {.resource = "pods"};
	CLEANUP_FREE char *text = NULL;
	struct err err = ERR_INIT;
	int slot;

	cel_env_add_authorizer(env, "authorizer");
	slot = cel_env_add_resource_check(env, "authorizer.requestResource");
	p = cel_compile("authorizer.group('apps').resource('deployments').namespace('a')."
			"check('get').allowed() ? authorizer.serviceAccount('a', 'b').group('')."
			"resource('pods').check('list').reason() : ''",
			env, &why);
	assert_non_null(p);
	run = cel_run_new(env, CEL_COST_OBJECT);
	cel_run_authorize(run, may, NULL);
	cel_run_bind_check(run, slot, &access);
	assert_int_equal(cel_eval_string(run, p, &text, &err), 0);
	assert_string_equal(text, "list /pods in (null) by b");
	free(STEAL(text));
	cel_program_unref(p);
	p = cel_compile("authorizer.requestResource.check('put').reason()", env, &why);
	assert_non_null(p);
	assert_int_equal(cel_eval_string(run, p, &text, &err), 0);
	assert_string_equal(text, "put (null)/pods in (null) by himself");
}

static void test_names(void **state)
{
	static const struct sample list[] = {
		{"a", "a"},       {"a.b", "a__dot__b"},          {"a-b/c", "a__dash__b__slash__c"},
		{"in", "__in__"}, {"a__b", "a__underscores__b"}, {"_x", "_x"},
	};

	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		CLEANUP_FREE char *spelt = cel_escape(list[i].text),
				  *back = cel_unescape(list[i].result);

		assert_string_equal(spelt, list[i].result);
		assert_string_equal(back, list[i].text);
	}
	assert_null(cel_escape("1a"));
	assert_null(cel_escape("a b"));
	assert_null(cel_unescape("in"));
	assert_null(cel_unescape("a__b"));
}

/* Said, not judged: a simple rule is to cost about a microsecond. */
static void test_speed(void **state)
{
	CLEANUP(cel_env_freep) struct cel_env *env = cel_env_new();
	CLEANUP(buf_fini) struct buf why = BUF_INIT;
	CLEANUP_VALUE struct value *o = yaml(object);
	int slot = cel_env_add(env, "o"), out;
	CLEANUP(cel_program_unrefp)
	struct cel_program *p =
		cel_compile("o.num <= 5 && o.name != 'x' && has(o.deep.er)", env, &why);
	CLEANUP(cel_run_freep) struct cel_run *run = cel_run_new(env, UINT64_MAX);
	struct err err = ERR_INIT;
	struct timespec a, b;

	cel_run_bind(run, slot, o);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(cel_eval_bool(run, p, &out, &err), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	print_message("%s: %.0f ns\n", cel_program_text(p),
		      ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) /
			      100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_language),   cmocka_unit_test(test_objects),
		cmocka_unit_test(test_libraries),  cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_cost),       cmocka_unit_test(test_lazy),
		cmocka_unit_test(test_authorizer), cmocka_unit_test(test_names),
		cmocka_unit_test(test_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
