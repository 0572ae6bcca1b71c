/* SPDX-License-Identifier: MIT */
/* CustomResourceDefinitions as kinds: each keyword, each rule of a definition, names, versions. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "objects/apply.h"
#include "objects/codec.h"
#include "objects/custom.h"
#include "objects/schema/rules.h"

static struct value *parse(const char *yaml)
{
	struct documents docs = {0};
	struct faults faults = FAULTS_INIT;
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct value *v;

	if (yaml_parse(yaml, strlen(yaml), &docs, &faults) || docs.n != 1) {
		faults_render(&faults, NULL, &text);
		fail_msg("%s\n%s", yaml, buf_str(&text));
	}
	v = value_ref(docs.list[0].value);
	documents_fini(&docs);
	faults_fini(&faults);
	return v;
}

/* As the write path does it. */
static struct value *admit(const struct kind *k, const char *yaml, const struct value *old,
			   struct buf *out)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	struct value *v = schema_decode(k->schema, parse(yaml), NULL, &faults);

	if (!faults.n) {
		v = kind_prepare(k, kind_default(k, v), old, 0);
		kind_validate(k, v, old, 0, &faults);
	}
	faults_render(&faults, NULL, out);
	return v;
}

static const struct kind *definitions(void)
{
	return kind_by_gvk("apiextensions.k8s.io/v1", "CustomResourceDefinition");
}

/* A definition of Things whose spec is `spec`; with more of the version, of names, of the spec. */
static char *definition(const char *name, const char *spec, const char *more)
{
	return xasprintf("apiVersion: apiextensions.k8s.io/v1\n"
			 "kind: CustomResourceDefinition\n"
			 "metadata: {name: %ss.example.com}\n"
			 "spec:\n"
			 "  group: example.com\n"
			 "  scope: Namespaced\n"
			 "  names: {plural: %ss, kind: %s}\n"
			 "  versions:\n"
			 "  - name: v1\n"
			 "    served: true\n"
			 "    storage: true\n"
			 "    schema: {openAPIV3Schema: {type: object, properties: {spec: %s}}}\n"
			 "%s",
			 name, name, name, spec, more);
}

/* Defined; fails the test when the definition is refused. */
static void define(const char *yaml)
{
	CLEANUP(buf_fini) struct buf faults = BUF_INIT;
	CLEANUP_VALUE struct value *v = admit(definitions(), yaml, NULL, &faults);

	if (faults.len)
		fail_msg("%s\n%s", yaml, buf_str(&faults));
	custom_define(v);
}

static const struct kind *thing(const char *spec)
{
	CLEANUP_FREE char *yaml = definition("thing", spec, "");

	define(yaml);
	return kind_by_gvk("example.com/v1", "thing");
}

/* -- keywords -- */

#define GOOD ""

static const struct {
	const char *schema, *value;
	const char *want; /* in the faults; GOOD: none */
} keywords[] = {
	/* types */
	{"{type: string}", "x", GOOD},
	{"{type: string}", "1", "spec: Invalid value: 1: must be a string"},
	{"{type: integer}", "1", GOOD},
	{"{type: integer}", "'1'", "spec: Invalid value: \"1\": must be an integer"},
	{"{type: integer}", "1.5", "must be an integer"},
	{"{type: integer, format: int32}", "2147483648", "must be of type int32"},
	{"{type: integer, format: int64}", "2147483648", GOOD},
	{"{type: number}", "1.5", GOOD},
	{"{type: number}", "'a'", "must be a number"},
	{"{type: boolean}", "true", GOOD},
	{"{type: boolean}", "'true'", "must be true or false"},
	{"{type: object, properties: {a: {type: string}}}", "[]", "must be a map"},
	{"{type: array, items: {type: string}}", "{}", "must be a list"},
	{"{type: array, items: {type: string}}", "[a, 1]", "spec[1]: Invalid value: 1"},
	{"{type: array, items: {type: string}}", "[null]", "spec[0]"},
	{"{type: array, items: {type: string, nullable: true}}", "[null]", GOOD},
	{"{x-kubernetes-int-or-string: true}", "8080", GOOD},
	{"{x-kubernetes-int-or-string: true}", "http", GOOD},
	{"{x-kubernetes-int-or-string: true}", "true", "must be an integer or a string"},
	{"{x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}", "80%",
	 GOOD},
	/* numbers */
	{"{type: integer, minimum: 1}", "0",
	 "spec: Invalid value: 0: spec in body should be greater than or equal to 1"},
	{"{type: integer, minimum: 1}", "1", GOOD},
	{"{type: integer, minimum: 1, exclusiveMinimum: true}", "1", "should be greater than 1"},
	{"{type: integer, maximum: 10}", "11", "should be less than or equal to 10"},
	{"{type: integer, maximum: 10, exclusiveMaximum: true}", "10", "should be less than 10"},
	{"{type: integer, multipleOf: 5}", "12", "should be a multiple of 5"},
	{"{type: integer, multipleOf: 5}", "15", GOOD},
	{"{type: number, multipleOf: 0.5}", "1.25", "should be a multiple of 0.5"},
	{"{type: number, minimum: -1.5}", "-1.5", GOOD},
	/* texts */
	{"{type: string, maxLength: 3}", "abcd", "spec: Too long: may not be more than 3 bytes"},
	{"{type: string, maxLength: 3}", "äöü", GOOD},
	{"{type: string, minLength: 2}", "a", "spec in body should be at least 2 chars long"},
	{"{type: string, pattern: '^a+$'}", "aab", "spec in body should match '^a+$'"},
	{"{type: string, pattern: '^a+$'}", "aa", GOOD},
	{"{type: string, pattern: 'b'}", "abc", GOOD},
	{"{type: string, enum: [a, b]}", "c",
	 "spec: Unsupported value: \"c\": supported values: \"a\", \"b\""},
	{"{type: string, enum: [a, b]}", "b", GOOD},
	{"{type: integer, enum: [1, 2]}", "3", "supported values: 1, 2"},
	{"{type: string, format: date-time}", "2026-01-31T12:00:00Z", GOOD},
	{"{type: string, format: date-time}", "'yesterday'",
	 "spec in body must be of type date-time"},
	{"{type: string, format: date}", "'2026-13-31'", "must be of type date"},
	{"{type: string, format: ipv4}", "10.0.0.256", "must be of type ipv4"},
	{"{type: string, format: cidr}", "10.0.0.0/8", GOOD},
	{"{type: string, format: uuid}", "33639087-b43c-418d-8c7f-7a169d0e19f7", GOOD},
	{"{type: string, format: uuid}", "x", "must be of type uuid"},
	{"{type: string, format: email}", "a@example.com", GOOD},
	{"{type: string, format: email}", "a@", "must be of type email"},
	{"{type: string, format: uri}", "'https://example.com/x?y'", GOOD},
	{"{type: string, format: uri}", "'no uri'", "must be of type uri"},
	{"{type: string, format: hostname}", "a.example.com", GOOD},
	{"{type: string, format: duration}", "1h30m", GOOD},
	{"{type: string, format: duration}", "soon", "must be of type duration"},
	{"{type: string, format: byte}", "aGk=", GOOD},
	{"{type: string, format: byte}", "'*'", "must be of type byte"},
	{"{type: string, format: nobody-knows}", "x", GOOD},
	/* lists */
	{"{type: array, maxItems: 1, items: {type: string}}", "[a, b]",
	 "spec: Too many: 2: must have at most 1 items"},
	{"{type: array, minItems: 1, items: {type: string}}", "[]",
	 "spec in body should have at least 1 items"},
	{"{type: array, x-kubernetes-list-type: set, items: {type: string}}", "[a, b, a]",
	 "spec[2]: Duplicate value: \"a\""},
	{"{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k], items: "
	 "{type: object, required: [k], properties: {k: {type: string}, v: {type: string}}}}",
	 "[{k: a}, {k: b}, {k: a, v: x}]", "spec[2]: Duplicate value"},
	/* maps */
	{"{type: object, additionalProperties: {type: integer}}", "{a: 1, b: 2}", GOOD},
	{"{type: object, additionalProperties: {type: integer}}", "{a: x}",
	 "spec[a]: Invalid value: \"x\": must be an integer"},
	{"{type: object, additionalProperties: true}", "{a: x, b: [1]}", GOOD},
	{"{type: object, maxProperties: 1, additionalProperties: {type: integer}}", "{a: 1, b: 2}",
	 "should have at most 1 properties"},
	{"{type: object, minProperties: 1, additionalProperties: {type: integer}}", "{}",
	 "should have at least 1 properties"},
	{"{type: object, required: [a], properties: {a: {type: string}}}", "{}",
	 "spec.a: Required value"},
	{"{type: object, required: [a], properties: {a: {type: string}}}", "{a: ''}", GOOD},
	{"{type: object, required: [a], additionalProperties: {type: string}}", "{b: x}",
	 "spec.a: Required value"},
	/* what is not known */
	{"{type: object, properties: {replicas: {type: integer}}}", "{replica: 1}",
	 "spec.replica: unknown field \"replica\", did you mean \"replicas\"?"},
	{"{type: object}", "{a: 1}", "unknown field \"a\""},
	{"{type: object, x-kubernetes-preserve-unknown-fields: true}", "{a: {b: [1, x]}}", GOOD},
	{"{x-kubernetes-preserve-unknown-fields: true}", "[1, {a: b}]", GOOD},
	{"{type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: "
	 "integer}}}",
	 "{a: x, b: 1}", "spec.a: Invalid value: \"x\": must be an integer"},
	{"{type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: "
	 "integer}}}",
	 "{a: 1, b: {c: d}}", GOOD},
	/* what RE2 has, and looks like what it has not */
	{"{type: string, pattern: '^(?i)[\\w-]+(\\.\\p{L}+)*\\x{41}+[[:alpha:]]+[{}]+}+\\z'}",
	 "a.bAx{}}}", GOOD},
	/* nulls */
	{"{type: object, properties: {a: {type: string, nullable: true}}}", "{a: null}", GOOD},
	{"{type: object, required: [a], properties: {a: {type: string}}}", "{a: null}",
	 "spec.a: Required value"},
	{"{type: object, properties: {a: {type: object, nullable: true, properties: {b: {type: "
	 "string}}}}}",
	 "{a: null}", GOOD},
	/* whole objects inside */
	{"{type: object, x-kubernetes-embedded-resource: true, "
	 "x-kubernetes-preserve-unknown-fields: true}",
	 "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {any: thing}}", GOOD},
	{"{type: object, x-kubernetes-embedded-resource: true, "
	 "x-kubernetes-preserve-unknown-fields: true}",
	 "{metadata: {name: x}}", "spec.kind: Required value: must not be empty"},
	{"{type: object, x-kubernetes-embedded-resource: true, "
	 "x-kubernetes-preserve-unknown-fields: true}",
	 "{apiVersion: v1, kind: Pod, metadata: {nam: x}}", "unknown field \"nam\""},
	/* logic */
	{"{type: integer, allOf: [{minimum: 1}, {maximum: 5}]}", "7",
	 "\"spec\" must validate all the schemas (allOf)"},
	{"{type: integer, allOf: [{minimum: 1}, {maximum: 5}]}", "3", GOOD},
	{"{type: integer, anyOf: [{maximum: 1}, {minimum: 5}]}", "3",
	 "\"spec\" must validate at least one schema (anyOf)"},
	{"{type: integer, anyOf: [{maximum: 1}, {minimum: 5}]}", "6", GOOD},
	{"{type: integer, oneOf: [{minimum: 1}, {minimum: 5}]}", "6",
	 "must validate one and only one schema (oneOf). Found 2 valid alternatives"},
	{"{type: integer, oneOf: [{minimum: 1}, {minimum: 5}]}", "0", "Found none valid"},
	{"{type: integer, oneOf: [{minimum: 1}, {minimum: 5}]}", "2", GOOD},
	{"{type: integer, not: {enum: [3]}}", "3", "\"spec\" must not validate the schema (not)"},
	{"{type: integer, not: {enum: [3]}}", "4", GOOD},
	{"{type: object, properties: {a: {type: string}, b: {type: string}}, oneOf: [{required: "
	 "[a]}, {required: [b]}]}",
	 "{a: x, b: z}", "Found 2 valid alternatives"},
	{"{type: object, properties: {a: {type: string}, b: {type: string}}, oneOf: [{required: "
	 "[a]}, {required: [b]}]}",
	 "{b: z}", GOOD},
	{"{type: object, properties: {a: {type: array, items: {type: integer}}}, anyOf: "
	 "[{properties: {a: {items: {maximum: 3}}}}]}",
	 "{a: [1, 9]}", "spec.a[1]: Invalid value: 9"},
};

static void test_keywords(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		const struct kind *k = thing(keywords[i].schema);
		CLEANUP_FREE char *yaml = xasprintf("apiVersion: example.com/v1\nkind: thing\n"
						    "metadata: {name: x, namespace: default}\n"
						    "spec: %s\n",
						    keywords[i].value);
		CLEANUP(buf_fini) struct buf got = BUF_INIT;

		assert_non_null(k);
		value_unref(admit(k, yaml, NULL, &got));
		if (*keywords[i].want ? !strstr(buf_str(&got), keywords[i].want) : got.len > 0)
			fail_msg("%s\n%s\nwant: %s\ngot:  %s", keywords[i].schema,
				 keywords[i].value, keywords[i].want, buf_str(&got));
	}
	custom_undefine("things.example.com");
}

/* -- defaults -- */

static const struct {
	const char *schema, *value, *want;
} defaults[] = {
	{"{type: object, properties: {a: {type: integer, default: 3}}}", "{}", "{\"a\":3}"},
	{"{type: object, properties: {a: {type: integer, default: 3}}}", "{a: 0}", "{\"a\":0}"},
	{"{type: object, properties: {a: {type: integer, default: 3}}}", "{a: null}", "{\"a\":3}"},
	{"{type: object, properties: {a: {type: integer, default: 3, nullable: true}}}",
	 "{a: null}", "{\"a\":null}"},
	{"{type: object, properties: {a: {type: object, properties: {b: {type: string, default: "
	 "x}}}}}",
	 "{}", "{}"},
	{"{type: object, properties: {a: {type: object, default: {}, properties: {b: {type: "
	 "string, default: x}}}}}",
	 "{}", "{\"a\":{\"b\":\"x\"}}"},
	{"{type: object, properties: {a: {type: array, items: {type: object, properties: {b: "
	 "{type: string, default: x}}}}}}",
	 "{a: [{}, {b: z}]}", "{\"a\":[{\"b\":\"x\"},{\"b\":\"z\"}]}"},
	{"{type: object, additionalProperties: {type: object, properties: {b: {type: string, "
	 "default: x}}}}",
	 "{k: {}}", "{\"k\":{\"b\":\"x\"}}"},
	/* "Defaulting and Nullable" of the documentation */
	{"{type: object, properties: {foo: {type: string, nullable: false, default: default}, bar: "
	 "{type: string, nullable: true}, baz: {type: string}}}",
	 "{foo: null, bar: null, baz: null}", "{\"bar\":null,\"foo\":\"default\"}"},
	/* nothing that is said is taken for nothing */
	{"{type: object, properties: {a: {type: string}, b: {type: boolean}, c: {type: array, "
	 "items: {type: string}}}}",
	 "{a: '', b: false, c: []}", "{\"a\":\"\",\"b\":false,\"c\":[]}"},
	/* times stay as they were written */
	{"{type: object, properties: {a: {type: string, format: date-time}}}",
	 "{a: '2026-01-31T12:00:00.5+01:00'}", "{\"a\":\"2026-01-31T12:00:00.5+01:00\"}"},
};

static void test_defaults(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		const struct kind *k = thing(defaults[i].schema);
		CLEANUP_FREE char *yaml = xasprintf("apiVersion: example.com/v1\nkind: thing\n"
						    "metadata: {name: x, namespace: default}\n"
						    "spec: %s\n",
						    defaults[i].value);
		CLEANUP(buf_fini) struct buf faults = BUF_INIT, got = BUF_INIT;
		CLEANUP_VALUE struct value *v = admit(k, yaml, NULL, &faults);

		json_render(value_get(v, "spec"), &got);
		if (faults.len || !str_eq(buf_str(&got), defaults[i].want))
			fail_msg("%s\n%s\nwant: %s\ngot:  %s\n%s", defaults[i].schema,
				 defaults[i].value, defaults[i].want, buf_str(&got),
				 buf_str(&faults));
	}
	custom_undefine("things.example.com");
}

/* -- structural rules -- */

#define AT "spec.versions[0].schema.openAPIV3Schema.properties[spec]"

static const struct {
	const char *spec, *want;
} structural[] = {
	{"{}", AT ".type: Required value: must not be empty for specified object fields"},
	{"{type: strange}", AT ".type: Unsupported value: \"strange\""},
	{"{type: array}", AT ".items: Required value: must be specified"},
	{"{type: array, items: {}}",
	 AT ".items.type: Required value: must not be empty for specified array items"},
	{"{type: array, items: [{type: string}]}",
	 "items must be a schema object and not an array"},
	{"{type: array, uniqueItems: true, items: {type: string}}",
	 AT ".uniqueItems: Forbidden: uniqueItems cannot be set to true"},
	{"{type: object, additionalProperties: false}",
	 AT ".additionalProperties: Forbidden: additionalProperties cannot be set to false"},
	{"{type: object, properties: {a: {type: string}}, additionalProperties: {type: string}}",
	 AT ".additionalProperties: Forbidden: additionalProperties and properties are mutual "
	    "exclusive"},
	{"{type: string, pattern: '('}",
	 AT ".pattern: Invalid value: \"(\": must be a valid regular expression, but isn't"},
	{"{type: string, pattern: '(?=a)'}", "invalid or unsupported Perl syntax"},
	{"{type: string, pattern: 'a{2}+'}", "possessive repetition"},
	{"{type: string, pattern: 'a++'}", "possessive repetition"},
	{"{type: string, pattern: '(a)\\1'}", "invalid or unsupported Perl syntax"},
	{"{$ref: '#/x', type: string}", AT ".$ref: Forbidden: $ref is not supported"},
	{"{type: integer, x-kubernetes-int-or-string: true}",
	 AT ".type: Invalid value: \"integer\": must be empty if x-kubernetes-int-or-string is "
	    "true"},
	{"{type: object, x-kubernetes-preserve-unknown-fields: false}",
	 "must be true or undefined"},
	{"{type: object, x-kubernetes-embedded-resource: true}",
	 AT ".properties: Required value: must not be empty if x-kubernetes-embedded-resource"},
	{"{type: string, x-kubernetes-list-type: set}",
	 AT ".type: Invalid value: \"string\": must be array if x-kubernetes-list-type is "
	    "specified"},
	{"{type: array, x-kubernetes-list-type: map, items: {type: object}}",
	 AT ".x-kubernetes-list-map-keys: Required value: must not be empty"},
	{"{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k], items: "
	 "{type: object, properties: {k: {type: string}}}}",
	 AT ".items.properties[k].default: Required value: this property is in "
	    "x-kubernetes-list-map-keys, so it must have a default or be a required property"},
	{"{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [x], items: "
	 "{type: object, properties: {k: {type: string}}}}",
	 "entries must all be names of item properties"},
	{"{type: array, x-kubernetes-list-type: other, items: {type: string}}",
	 AT ".x-kubernetes-list-type: Unsupported value: \"other\""},
	{"{type: object, x-kubernetes-map-type: other}",
	 AT ".x-kubernetes-map-type: Unsupported value: \"other\""},
	{"{type: object, properties: {a: {type: string}}, anyOf: [{properties: {b: {minLength: "
	 "1}}}]}",
	 AT ".properties[b]: Required value: because it is defined in " AT
	    ".anyOf[0].properties[b]"},
	{"{type: string, allOf: [{type: string}]}",
	 AT ".allOf[0].type: Forbidden: must be empty to be structural"},
	{"{type: string, not: {default: a}}",
	 AT ".not.default: Forbidden: must be undefined to be structural"},
	{"{type: object, properties: {a: {type: integer, default: x}}}",
	 AT ".properties[a].default: Invalid value: \"x\": must be an integer"},
	{"{type: object, properties: {a: {type: integer, minimum: 1, default: 0}}}",
	 AT ".properties[a].default: Invalid value: 0"},
	{"{type: object, properties: {a: {type: object, default: {b: 1}}}}",
	 AT ".properties[a].default.b: unknown field \"b\""},
};

static void test_structural(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(structural); i++) {
		CLEANUP_FREE char *yaml = definition("thing", structural[i].spec, "");
		CLEANUP(buf_fini) struct buf got = BUF_INIT;

		value_unref(admit(definitions(), yaml, NULL, &got));
		if (!strstr(buf_str(&got), structural[i].want))
			fail_msg("%s\nwant: %s\ngot:  %s", structural[i].spec, structural[i].want,
				 buf_str(&got));
	}
}

/* -- the examples of Kubernetes' documentation, "Extend the Kubernetes API with CRDs" -- */

static char *whole_definition(const char *schema, const char *more)
{
	return xasprintf("apiVersion: apiextensions.k8s.io/v1\n"
			 "kind: CustomResourceDefinition\n"
			 "metadata: {name: foos.example.com}\n"
			 "spec:\n"
			 "  group: example.com\n"
			 "  scope: Namespaced\n"
			 "  names: {plural: foos, singular: foo, kind: Foo, shortNames: [f]}\n"
			 "  conversion: {strategy: None}\n"
			 "  versions:\n"
			 "  - name: v1\n"
			 "    served: true\n"
			 "    storage: true\n"
			 "    schema: {openAPIV3Schema: %s}\n"
			 "%s",
			 schema, more);
}

/* Six rules of structural schemas are broken in it, and all are told at once. */
static void test_example_not_structural(void **state)
{
#define R "spec.versions[0].schema.openAPIV3Schema"
	static const char *const wanted[] = {
		R ".type: Required value: must not be empty at the root",
		R ".properties[foo].type: Required value: must not be empty for specified object "
		  "fields",
		R ".properties[bar]: Required value: because it is defined in " R
		  ".anyOf[0].properties[bar]",
		R ".anyOf[0].properties[bar].type: Forbidden: must be empty to be structural",
		R ".anyOf[0].description: Forbidden: must be empty to be structural",
		R ".properties[metadata]: Forbidden: must not specify anything other than name and "
		  "generateName, but metadata is implicitly specified",
	};
	CLEANUP_FREE char *yaml = whole_definition(
		"{properties: {foo: {pattern: abc}, metadata: {type: object, properties: {name: "
		"{type: string, pattern: ^a}, finalizers: {type: array, items: {type: string, "
		"pattern: my-finalizer}}}}}, anyOf: [{properties: {bar: {type: integer, minimum: "
		"42}}, required: [bar], description: foo bar object}]}",
		"");
	CLEANUP(buf_fini) struct buf got = BUF_INIT;

	value_unref(admit(definitions(), yaml, NULL, &got));
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (!strstr(buf_str(&got), wanted[i]))
			fail_msg("want: %s\ngot: %s", wanted[i], buf_str(&got));
}

static void expect_foo(const char *object, const char *want)
{
	const struct kind *k = kind_by_gvk("example.com/v1", "Foo");
	CLEANUP_FREE char *yaml = xasprintf("{apiVersion: example.com/v1, kind: Foo, %s}", object);
	CLEANUP(buf_fini) struct buf got = BUF_INIT;

	value_unref(admit(k, yaml, NULL, &got));
	if (*want ? !strstr(buf_str(&got), want) : got.len > 0)
		fail_msg("%s\nwant: %s\ngot:  %s", object, want, buf_str(&got));
}

static void test_example_structural(void **state)
{
	CLEANUP_FREE char *yaml = whole_definition(
		"{type: object, description: foo bar object, properties: {foo: {type: string, "
		"pattern: abc}, bar: {type: integer}, metadata: {type: object, properties: {name: "
		"{type: string, pattern: ^a}}}}, anyOf: [{properties: {bar: {minimum: 42}}, "
		"required: [bar]}]}",
		"");

	define(yaml);
	expect_foo("metadata: {name: abc, namespace: d}, bar: 42, foo: xabcx", "");
	expect_foo("metadata: {name: abc, namespace: d}, bar: 41",
		   "should be greater than or equal "
		   "to 42");
	expect_foo("metadata: {name: abc, namespace: d}", "must validate at least one schema");
	expect_foo("metadata: {name: bc, namespace: d}, bar: 42",
		   "metadata.name: Invalid value: \"bc\": metadata.name in body should match '^a'");
	expect_foo("metadata: {name: abc, namespace: d}, bar: 42, foo: ab",
		   "foo in body should match 'abc'");
	custom_undefine("foos.example.com");
}

/* Selectable fields, columns, rules, embedded objects: what else the page shows is taken. */
static void test_example_extensions(void **state)
{
	CLEANUP_FREE char *yaml = whole_definition(
		"{type: object, properties: {spec: {type: object, x-kubernetes-validations: "
		"[{rule: "
		"'self.minReplicas <= self.replicas', message: too few}], properties: {color: "
		"{type: "
		"string}, size: {type: string}, minReplicas: {type: integer}, replicas: {type: "
		"integer}, port: {x-kubernetes-int-or-string: true}, percent: "
		"{x-kubernetes-int-or-string: true, allOf: [{anyOf: [{type: integer}, {type: "
		"string}]}, {maxLength: 4}]}, raw: {type: object, x-kubernetes-embedded-resource: "
		"true, x-kubernetes-preserve-unknown-fields: true}, json: "
		"{x-kubernetes-preserve-unknown-fields: true}}}}}",
		"    selectableFields: [{jsonPath: .spec.color}, {jsonPath: .spec.size}]\n"
		"    additionalPrinterColumns:\n"
		"    - {jsonPath: .spec.color, name: Color, type: string}\n"
		"    - {jsonPath: '.status.conditions[?(@.type==\"Ready\")].status', name: Ready, "
		"type: string, priority: 1}\n"
		"    deprecated: true\n"
		"    deprecationWarning: example.com/v1 Foo is deprecated\n");
	const struct column *c;

	define(yaml);
	expect_foo("metadata: {name: a, namespace: d}, spec: {color: blue, port: 80, percent: 10%, "
		   "minReplicas: 1, replicas: 2, "
		   "json: [1, {a: b}], raw: {apiVersion: v1, kind: Pod, metadata: {}, spec: {}}}",
		   "");
	expect_foo("metadata: {name: a, namespace: d}, spec: {percent: 100.5%}",
		   "spec.percent: Too long: may not be more than 4 bytes");
	expect_foo("metadata: {name: a, namespace: d}, spec: {minReplicas: 2, replicas: 1}",
		   "spec: Invalid value: \"object\": too few");
	c = kind_by_gvk("example.com/v1", "Foo")->columns;
	assert_string_equal(c[0].title, "NAME");
	assert_string_equal(c[1].title, "COLOR");
	assert_string_equal(c[2].title, "READY");
	assert_int_equal(c[2].priority, 1);
	assert_null(c[3].title);
	custom_undefine("foos.example.com");
}

/* Selectable fields must be there, be scalars, and be the definition's own. */
static void test_selectable_fields(void **state)
{
	static const struct {
		const char *fields, *want;
	} cases[] = {
		{"[{jsonPath: .spec.s}, {jsonPath: .spec.i}, {jsonPath: .spec.b}, {jsonPath: "
		 "'.spec[''x.y'']'}, {jsonPath: .spec.map.any}]",
		 ""},
		{"[{jsonPath: .spec.none}]",
		 "selectableFields[0].jsonPath: Invalid value: \".spec.none\": is an invalid path: "
		 "does not refer to a valid field"},
		{"[{jsonPath: spec.s}]", "is an invalid path"},
		{"[{jsonPath: '.spec.list[0]'}]", "is an invalid path"},
		{"[{jsonPath: .spec.s.}]", "is an invalid path"},
		{"[{jsonPath: ''}]", "selectableFields[0].jsonPath: Required value"},
		{"[{jsonPath: .spec.list}]", "selectableFields[0]: Invalid value: \".spec.list\": "
					     "must point to a field of type "
					     "string, boolean or integer"},
		{"[{jsonPath: .spec.port}]", "must point to a field of type"},
		{"[{jsonPath: .spec.num}]", "must point to a field of type"},
		{"[{jsonPath: .metadata.name}]",
		 "selectableFields[0]: Invalid value: \".metadata.name\": must not point to fields "
		 "in metadata"},
		{"[{jsonPath: .spec.s}, {jsonPath: .spec.s}]",
		 "selectableFields[1]: Duplicate value: \".spec.s\""},
		{"[{jsonPath: .spec.map.a}, {jsonPath: .spec.map.b}, {jsonPath: .spec.map.c}, "
		 "{jsonPath: .spec.map.d}, {jsonPath: .spec.map.e}, {jsonPath: .spec.map.f}, "
		 "{jsonPath: .spec.map.g}, {jsonPath: .spec.map.h}, {jsonPath: .spec.map.i}]",
		 "selectableFields: Too many: 9: must have at most 8 items"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_FREE char *more = xasprintf("    selectableFields: %s\n", cases[i].fields);
		CLEANUP_FREE char *yaml = definition(
			"thing",
			"{type: object, properties: {s: {type: string}, i: {type: integer}, b: "
			"{type: boolean}, num: {type: number}, x.y: {type: string, enum: [a]}, "
			"port: "
			"{x-kubernetes-int-or-string: true}, list: {type: array, items: {type: "
			"string}}, map: {type: object, additionalProperties: {type: string}}}}",
			more);
		CLEANUP(buf_fini) struct buf faults = BUF_INIT;

		value_unref(admit(definitions(), yaml, NULL, &faults));
		if (*cases[i].want ? !strstr(buf_str(&faults), cases[i].want) : faults.len > 0)
			fail_msg("%s: %s", cases[i].fields, buf_str(&faults));
	}
}

/* -- the rest of a definition -- */

#define V1 "{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}"

static const struct {
	const char *name, *spec, *want;
} refused[] = {
	{"as.example.com",
	 "{group: example.com, scope: Namespaced, names: {plural: bs, kind: B}, "
	 "versions: [" V1 "]}",
	 "metadata.name: Invalid value: \"as.example.com\": must be "
	 "spec.names.plural+\".\"+spec.group"},
	{"as.example",
	 "{group: example, scope: Namespaced, names: {plural: as, kind: A}, versions: "
	 "[" V1 "]}",
	 "spec.group: Invalid value: \"example\": should be a domain with at least one dot"},
	{"as.x.k8s.io",
	 "{group: x.k8s.io, scope: Namespaced, names: {plural: as, kind: A}, "
	 "versions: [" V1 "]}",
	 "metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups"},
	{"as.example.com",
	 "{group: example.com, scope: Everywhere, names: {plural: as, kind: A}, "
	 "versions: [" V1 "]}",
	 "spec.scope: Unsupported value: \"Everywhere\""},
	{"as.example.com",
	 "{group: example.com, scope: Cluster, names: {plural: as, kind: A}, "
	 "versions: []}",
	 "spec.versions: Required value"},
	{"as.example.com",
	 "{group: example.com, scope: Cluster, names: {plural: as, kind: A}, "
	 "versions: [{name: v1, served: true, storage: false, schema: "
	 "{openAPIV3Schema: {type: object}}}]}",
	 "must have exactly one version marked as storage version"},
	{"as.example.com",
	 "{group: example.com, scope: Cluster, names: {plural: as, kind: A}, "
	 "versions: [" V1 ", " V1 "]}",
	 "spec.versions: Invalid value: must contain unique version names"},
	{"as.example.com",
	 "{group: example.com, scope: Cluster, names: {plural: as, kind: A}, "
	 "versions: [{name: V1, served: true, storage: true, schema: "
	 "{openAPIV3Schema: {type: object}}}]}",
	 "spec.versions[0].name: Invalid value: \"V1\""},
	{"as.example.com",
	 "{group: example.com, scope: Cluster, names: {plural: as, kind: A}, "
	 "versions: [{name: v1, served: true, storage: true}]}",
	 "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required"},
	{"as.example.com",
	 "{group: example.com, scope: Cluster, names: {plural: as, kind: A, "
	 "listKind: A}, versions: [" V1 "]}",
	 "spec.names.listKind: Invalid value: \"A\": kind and listKind may not be the same"},
	{"as.example.com",
	 "{group: example.com, scope: Cluster, names: {plural: as, kind: 'A B'}, "
	 "versions: [" V1 "]}",
	 "spec.names.kind: Invalid value: \"A B\": may have mixed case"},
	{"as.example.com",
	 "{group: example.com, scope: Cluster, preserveUnknownFields: true, "
	 "names: {plural: as, kind: A}, versions: [" V1 "]}",
	 "spec.preserveUnknownFields: Invalid value: true: must be false"},
	{"as.example.com",
	 "{group: example.com, scope: Cluster, names: {plural: as, kind: A}, "
	 "conversion: {strategy: Magic}, versions: [" V1 "]}",
	 "spec.conversion.strategy: Unsupported value: \"Magic\""},
	{"as.example.com",
	 "{group: example.com, scope: Cluster, names: {plural: as, kind: A}, "
	 "versions: [{name: v1, served: true, storage: true, schema: "
	 "{openAPIV3Schema: {type: object}}, additionalPrinterColumns: [{name: X, "
	 "type: text, jsonPath: spec}]}]}",
	 "spec.versions[0].additionalPrinterColumns[0].type: Invalid value: \"text\": must be one "
	 "of boolean,date,integer,number,string"},
	{"as.example.com",
	 "{group: example.com, scope: Cluster, names: {plural: as, kind: A}, "
	 "versions: [{name: v1, served: true, storage: true, schema: "
	 "{openAPIV3Schema: {type: object}}, subresources: {scale: "
	 "{specReplicasPath: .status.x, statusReplicasPath: .status.y}}}]}",
	 "specReplicasPath: Invalid value: \".status.x\": should be a json path under .spec"},
	{"as.example.com",
	 "{group: example.com, scope: Cluster, names: {plural: as, kind: A}, "
	 "versions: [{name: v1, served: true, storage: true, schema: "
	 "{openAPIV3Schema: {type: array, items: {type: string}}}}]}",
	 "spec.versions[0].schema.openAPIV3Schema.type: Invalid value: \"array\": must be object "
	 "at the root"},
	{"as.example.com",
	 "{group: example.com, scope: Cluster, names: {plural: as, kind: A}, "
	 "versions: [{name: v1, served: true, storage: true, schema: "
	 "{openAPIV3Schema: {type: object, properties: {metadata: {type: object, "
	 "properties: {labels: {type: object}}}}}}}]}",
	 "properties[metadata]: Forbidden: must not specify anything other than name and "
	 "generateName"},
};

static void test_refused_definitions(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		CLEANUP_FREE char *yaml =
			xasprintf("apiVersion: apiextensions.k8s.io/v1\nkind: "
				  "CustomResourceDefinition\nmetadata: {name: %s}\nspec: %s\n",
				  refused[i].name, refused[i].spec);
		CLEANUP(buf_fini) struct buf got = BUF_INIT;

		value_unref(admit(definitions(), yaml, NULL, &got));
		if (!strstr(buf_str(&got), refused[i].want))
			fail_msg("%s\nwant: %s\ngot:  %s", yaml, refused[i].want, buf_str(&got));
	}
}

static void test_updates_of_definitions(void **state)
{
	static const char conditions[] =
		"{conditions: [{type: Established, status: 'True'}], storedVersions: [v0, v1]}";
	CLEANUP_FREE char *yaml = definition("thing", "{type: string}", "");
	CLEANUP_FREE char *other = definition("thing", "{type: string}", "");
	CLEANUP(buf_fini) struct buf got = BUF_INIT, none = BUF_INIT;
	struct value *old = admit(definitions(), yaml, NULL, &none);
	char *scope = strstr(other, "Namespaced");

	memcpy(scope, "Cluster   ", 10);
	old = value_set(old, "status", parse(conditions));
	value_unref(admit(definitions(), other, old, &got));
	assert_non_null(strstr(buf_str(&got), "spec.scope: Invalid value: \"Cluster\": field is "
					      "immutable"));
	assert_non_null(strstr(buf_str(&got), "status.storedVersions[0]: Invalid value: \"v0\": "
					      "must appear in spec.versions"));
	value_unref(old);
}

/* -- names -- */

static void define_named(const char *plural, const char *kind, const char *more)
{
	CLEANUP_FREE char *yaml = xasprintf(
		"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
		"metadata: {name: %s.example.com}\n"
		"spec: {group: example.com, scope: Cluster, names: {plural: %s, kind: %s%s}, "
		"versions: [" V1 "]}\n",
		plural, plural, kind, more);

	define(yaml);
}

static void expect_condition(const char *name, const char *type, const char *status,
			     const char *reason)
{
	CLEANUP_VALUE struct value *v = custom_status(name);
	const struct value *list = value_get(v, "conditions");

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *c = value_at(list, i);

		if (!str_eq(value_dig_str(c, "type", NULL), type))
			continue;
		assert_string_equal(value_dig_str(c, "status", NULL), status);
		assert_string_equal(value_dig_str(c, "reason", NULL), reason);
		return;
	}
	fail_msg("%s has no condition %s", name, type);
}

static void test_names(void **state)
{
	define_named("firsts", "First", ", shortNames: [fi, pods]");
	define_named("seconds", "Second", ", shortNames: [fi]");
	define_named("thirds", "First", "");
	expect_condition("firsts.example.com", "NamesAccepted", "True", "NoConflicts");
	expect_condition("firsts.example.com", "Established", "True", "InitialNamesAccepted");
	expect_condition("seconds.example.com", "NamesAccepted", "False", "ShortNamesConflict");
	expect_condition("seconds.example.com", "Established", "False", "NotAccepted");
	expect_condition("thirds.example.com", "NamesAccepted", "False", "ListKindConflict");
	assert_null(kind_find("example.com", "v1", "seconds"));
	assert_null(kind_by_name("seconds"));
	assert_ptr_equal(kind_by_name("fi"), kind_find("example.com", "v1", "firsts"));
	/* what is built in was there before */
	assert_string_equal(kind_resource(kind_by_name("pods")), "pods");
	/* names that become free go to who asked for them */
	custom_undefine("firsts.example.com");
	assert_null(kind_find("example.com", "v1", "firsts"));
	assert_non_null(kind_find("example.com", "v1", "seconds"));
	assert_ptr_equal(kind_by_name("fi"), kind_find("example.com", "v1", "seconds"));
	assert_ptr_equal(kind_by_gvk("example.com/v1", "First"),
			 kind_find("example.com", "v1", "thirds"));
	custom_undefine("seconds.example.com");
	custom_undefine("thirds.example.com");
	assert_null(kind_by_name("fi"));
	assert_null(custom_status("seconds.example.com"));
}

/* One that was served stays so, whatever names it asks for later. */
static void test_established_stays(void **state)
{
	define_named("firsts", "First", "");
	define_named("seconds", "Second", ", shortNames: [s]");
	define_named("firsts", "First", ", shortNames: [s]");
	expect_condition("firsts.example.com", "NamesAccepted", "False", "ShortNamesConflict");
	expect_condition("firsts.example.com", "Established", "True", "InitialNamesAccepted");
	assert_non_null(kind_find("example.com", "v1", "firsts"));
	assert_string_equal(kind_by_name("s")->plural, "seconds");
	custom_undefine("firsts.example.com");
	custom_undefine("seconds.example.com");
}

/* -- versions -- */

#define OF(name, served, storage)                                                                  \
	"{name: " name ", served: " served ", storage: " storage                                   \
	", schema: {openAPIV3Schema: {type: object}}}"

static void define_versions(const char *versions)
{
	CLEANUP_FREE char *yaml =
		xasprintf("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
			  "metadata: {name: cars.example.com}\n"
			  "spec: {group: example.com, scope: Cluster, names: {plural: cars, kind: "
			  "Car, shortNames: [c]}, versions: [%s]}\n",
			  versions);

	define(yaml);
}

static void test_versions(void **state)
{
	const struct kind *v1, *beta;
	CLEANUP_VALUE struct value *car = parse("{apiVersion: example.com/v1beta1, kind: Car}");

	define_versions(OF("v1beta1", "true", "true"));
	beta = kind_by_gvk("example.com/v1beta1", "Car");
	assert_non_null(beta);
	assert_ptr_equal(kind_by_name("cars"), beta);
	assert_ptr_equal(beta->home->stored, beta);
	define_versions(OF("v1", "true", "false") ", " OF("v1beta1", "true", "true"));
	v1 = kind_by_gvk("example.com/v1", "Car");
	assert_non_null(v1);
	assert_true(kind_is_same_resource(v1, beta));
	assert_ptr_equal(kind_by_name("c"), v1);
	assert_ptr_equal(kind_by_name("cars.example.com"), v1);
	assert_true(beta->flags & KIND_VIEW);
	assert_false(v1->flags & KIND_VIEW);
	assert_ptr_equal(v1->home->stored, beta);
	car = kind_convert(v1, STEAL(car));
	assert_string_equal(value_dig_str(car, "apiVersion", NULL), "example.com/v1");
	define_versions(OF("v1", "true", "true") ", " OF("v1beta1", "false", "false"));
	assert_null(kind_by_gvk("example.com/v1beta1", "Car"));
	assert_true(beta->flags & KIND_GONE);
	assert_ptr_equal(v1->home->stored, v1);
	custom_undefine("cars.example.com");
	assert_true(v1->flags & KIND_GONE);
	/* the same again is the same */
	define_versions(OF("v1", "true", "true"));
	assert_ptr_equal(kind_by_gvk("example.com/v1", "Car"), v1);
	custom_undefine("cars.example.com");
}

static void test_preferred_version(void **state)
{
	define_versions(OF("v2alpha1", "true", "true") ", " OF("other", "true", "false") ", " OF(
		"v1beta2", "true", "false") ", " OF("v1beta10", "true", "false"));
	assert_string_equal(kind_by_name("cars")->version, "v1beta10");
	define_versions(OF("v2alpha1", "true", "true") ", " OF("v3", "false", "false") ", " OF(
		"v10", "true", "false") ", " OF("v2", "true", "false"));
	assert_string_equal(kind_by_name("cars")->version, "v10");
	custom_undefine("cars.example.com");
}

/* -- drafts -- */

static void test_drafts(void **state)
{
	CLEANUP_FREE char *yaml = definition("thing", "{type: string}", "");
	CLEANUP(buf_fini) struct buf none = BUF_INIT;
	CLEANUP_VALUE struct value *v = admit(definitions(), yaml, NULL, &none);
	struct kind *draft = custom_draft(v, "example.com/v1", "thing", NULL);

	assert_non_null(draft);
	assert_null(kind_by_gvk("example.com/v1", "thing"));
	assert_null(custom_draft(v, "example.com/v2", "thing", NULL));
	assert_null(custom_draft(v, "example.com/v1", "other", NULL));
	assert_string_equal(kind_resource(draft), "things.example.com");
	define(yaml);
	assert_ptr_equal(kind_by_gvk("example.com/v1", "thing"), kind_settled(draft));
	custom_draft_free(draft);
	custom_undefine("things.example.com");
}

/* A version that was only ever tried is no place to look for objects. */
static void test_tried_versions(void **state)
{
	CLEANUP(buf_fini) struct buf none = BUF_INIT;
	CLEANUP_VALUE struct value *v = admit(
		definitions(),
		"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
		"metadata: {name: cars.example.com}\n"
		"spec: {group: example.com, scope: Namespaced, names: {plural: cars, kind: Car}, "
		"versions: [" OF("v9", "true", "true") "]}\n",
		NULL, &none);
	struct kind *draft = custom_draft(v, "example.com/v9", "Car", NULL);

	assert_non_null(draft);
	custom_draft_free(draft);
	define("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
	       "metadata: {name: cars.example.com}\n"
	       "spec: {group: example.com, scope: Namespaced, names: {plural: cars, kind: Car}, "
	       "versions: [" OF("v10", "true", "true") "]}\n");
	assert_string_equal(custom_stored("cars.example.com")->version, "v10");
	assert_non_null(custom_stored("cars.example.com")->schema);
	assert_null(kind_by_gvk("example.com/v9", "Car"));
	custom_undefine("cars.example.com");
	assert_null(custom_stored("cars.example.com"));
}

/* -- server-side apply -- */

static void test_list_map_is_shared(void **state)
{
	const struct kind *k = thing(
		"{type: object, properties: {l: {type: array, x-kubernetes-list-type: map, "
		"x-kubernetes-list-map-keys: [k], items: {type: object, required: [k], properties: "
		"{k: {type: string}, v: {type: string}}}}}}");
	struct field_writer a = {"a", "", "2026-01-01T00:00:00Z"}, b = {"b", "", a.now};
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP_VALUE struct value *one =
		parse("{apiVersion: example.com/v1, kind: thing, "
		      "metadata: {name: x}, spec: {l: [{k: p, v: '1'}]}}");
	CLEANUP_VALUE struct value *two =
		parse("{apiVersion: example.com/v1, kind: thing, "
		      "metadata: {name: x}, spec: {l: [{k: q, v: '2'}]}}");
	CLEANUP_VALUE struct value *first = apply_merge(k, NULL, one, &a, 0, &faults);
	CLEANUP_VALUE struct value *both = apply_merge(k, first, two, &b, 0, &faults);
	CLEANUP(buf_fini) struct buf got = BUF_INIT;

	assert_int_equal(faults.n, 0);
	json_render(value_get(both, "spec"), &got);
	assert_string_equal(buf_str(&got),
			    "{\"l\":[{\"k\":\"p\",\"v\":\"1\"},{\"k\":\"q\",\"v\":\"2\"}]}");
	custom_undefine("things.example.com");
}

/* -- a definition gets stricter -- */

static void test_ratcheting(void **state)
{
	static const char yaml[] = "{apiVersion: example.com/v1, kind: thing, metadata: {name: x, "
				   "namespace: d%s}, spec: {a: %d, l: [9]}}";
	const struct kind *k;
	CLEANUP_FREE char *first = xasprintf(yaml, "", 1),
			  *same = xasprintf(yaml, ", labels: {a: b}", 1),
			  *other = xasprintf(yaml, "", 0);
	CLEANUP(buf_fini) struct buf none = BUF_INIT, good = BUF_INIT, bad = BUF_INIT;
	CLEANUP_VALUE struct value *old = NULL;

	k = thing("{type: object, properties: {a: {type: integer}, l: {type: array, items: {type: "
		  "integer}}}}");
	old = admit(k, first, NULL, &none);
	assert_string_equal(buf_str(&none), "");
	k = thing("{type: object, properties: {a: {type: integer, minimum: 5}, l: {type: array, "
		  "items: {type: integer, maximum: 3}}}}");
	value_unref(admit(k, same, old, &good));
	assert_string_equal(buf_str(&good), "");
	value_unref(admit(k, other, old, &bad));
	assert_non_null(strstr(buf_str(&bad), "spec.a: Invalid value: 0"));
	assert_null(strstr(buf_str(&bad), "spec.l"));
	custom_undefine("things.example.com");
}

/* -- hostile -- */

static void test_patterns_end(void **state)
{
	struct pattern *p = pattern_new("^(a+)+$", NULL);
	char text[2001];
	size_t work = 0;

	assert_non_null(p);
	memset(text, 'a', 2000);
	text[1999] = 'b';
	text[2000] = 0;
	/* by the automaton: backtracking would not end */
	assert_int_equal(pattern_matches(p, text, 2000, &work), 0);
	assert_true(work < RULES_WORK_MAX);
	text[1999] = 'a';
	assert_int_equal(pattern_matches(p, text, 2000, &work), 1);
	pattern_free(p);
}

static void test_work_is_bounded(void **state)
{
	CLEANUP(buf_fini) struct buf schema = BUF_INIT, object = BUF_INIT, got = BUF_INIT;
	const struct kind *k;

	buf_adds(&schema, "{type: array, items: {type: integer, anyOf: [");
	for (int i = 0; i < 2000; i++)
		buf_addf(&schema, "%s{minimum: %d}", i ? ", " : "", 100000 + i);
	buf_adds(&schema, "]}}");
	buf_adds(&object, "{apiVersion: example.com/v1, kind: thing, metadata: {name: x, "
			  "namespace: d}, spec: [");
	for (int i = 0; i < 50000; i++)
		buf_addf(&object, "%s%d", i ? "," : "", i);
	buf_adds(&object, "]}");
	k = thing(buf_str(&schema));
	value_unref(admit(k, buf_str(&object), NULL, &got));
	assert_non_null(strstr(buf_str(&got), "must validate at least one schema"));
	custom_undefine("things.example.com");
}

/* A definition may change between the decoding and the validation of an object. */
static void test_other_shape_than_decoded(void **state)
{
#define OBJECT_OF_LISTS                                                                            \
	"{type: object, properties: {a: {type: object, properties: {b: {type: array, items: "      \
	"{type: string}}}}}}"
#define MAPS_OF_MAPS                                                                               \
	"{type: object, additionalProperties: {type: object, additionalProperties: {type: "        \
	"string}}}"
	static const char *const shapes[] = {
		OBJECT_OF_LISTS,
		MAPS_OF_MAPS,
		"{type: array, items: {type: array, items: {type: string}}}",
		"{type: string, pattern: a}",
		"{x-kubernetes-preserve-unknown-fields: true}",
	};
	static const char *const values[] = {
		"x", "1", "[a, [b]]", "{a: [1]}", "{a: {b: [{c: 1}]}}", "null"};

	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		const struct kind *k = thing(shapes[i]);

		for (size_t j = 0; j < ARRAY_LEN(values); j++) {
			CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
			CLEANUP_FREE char *yaml = xasprintf(
				"{apiVersion: example.com/v1, kind: thing, metadata: {name: x, "
				"namespace: d}, spec: %s}",
				values[j]);
			CLEANUP_VALUE struct value *v = kind_default(k, parse(yaml));

			kind_validate(k, v, NULL, 0, &faults);
			v = kind_prepare(k, v, v, 0);
		}
	}
	custom_undefine("things.example.com");
}

/* -- x-kubernetes-validations -- */

/* All faults of `yaml` replacing `old` (NULL: new), as lines. */
static char *rule_faults(const struct kind *k, const char *spec, const char *old)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	static const char form[] = "{apiVersion: example.com/v1, kind: thing, metadata: {name: x, "
				   "namespace: d, uid: u}, spec: %s}";
	CLEANUP_FREE char *now_text = xasprintf(form, spec);
	CLEANUP_FREE char *old_text = old ? xasprintf(form, old) : NULL;
	CLEANUP_VALUE struct value *now = parse(now_text), *was = old_text ? parse(old_text) : NULL;

	now = schema_decode(k->schema, now, NULL, &faults);
	kind_validate(k, now, was, 0, &faults);
	faults_render(&faults, NULL, &out);
	return buf_steal(&out);
}

static void test_expressions(void **state)
{
	static const struct {
		const char *schema, *object, *old, *fault; /* fault NULL: it is good */
	} list[] = {
		{"{type: object, x-kubernetes-validations: [{rule: 'self.min <= self.max'}], "
		 "properties: {min: {type: integer}, max: {type: integer}}}",
		 "{min: 3, max: 2}", NULL,
		 "spec: Invalid value: \"object\": failed rule: self.min <= self.max\n"},
		{"{type: object, x-kubernetes-validations: [{rule: 'self.min <= self.max', "
		 "message: "
		 "too small, messageExpression: '\"%d is too much\".format([self.min])', reason: "
		 "FieldValueForbidden, fieldPath: .min}], properties: {min: {type: integer}, max: "
		 "{type: integer}}}",
		 "{min: 3, max: 2}", NULL, "spec.min: Forbidden: 3 is too much\n"},
		{"{type: object, x-kubernetes-validations: [{rule: 'self.a == 1', message: ' one "
		 "'}], "
		 "properties: {a: {type: integer}}}",
		 "{}", NULL,
		 "spec: Invalid value: \"object\": no such key: a evaluating rule: one\n"},
		{"{type: object, properties: {a: {type: string, x-kubernetes-validations: [{rule: "
		 "'self == oldSelf', message: is immutable}]}}}",
		 "{a: q}", "{a: x}", "spec.a: Invalid value: \"string\": is immutable\n"},
		{"{type: object, properties: {a: {type: string, x-kubernetes-validations: [{rule: "
		 "'self == oldSelf'}]}}}",
		 "{a: q}", NULL, NULL},
		{"{type: object, x-kubernetes-validations: [{rule: '!oldSelf.hasValue() || "
		 "oldSelf.value().a <= self.a', optionalOldSelf: true}], properties: {a: {type: "
		 "integer}}}",
		 "{a: 1}", "{a: 2}", "failed rule"},
		{"{type: object, x-kubernetes-validations: [{rule: 'oldSelf.hasValue()', "
		 "optionalOldSelf: true}], properties: {a: {type: integer}}}",
		 "{a: 1}", NULL, "failed rule: oldSelf.hasValue()"},
		/* what did not change is not asked again */
		{"{type: object, properties: {a: {type: integer, x-kubernetes-validations: [{rule: "
		 "'self > 5'}]}, b: {type: integer}}}",
		 "{a: 1, b: 2}", "{a: 1, b: 1}", NULL},
		{"{type: object, properties: {a: {type: integer, x-kubernetes-validations: [{rule: "
		 "'self > 5'}]}, b: {type: integer}}}",
		 "{a: 2, b: 1}", "{a: 1, b: 1}", "spec.a: Invalid value: \"integer\""},
		/* lists that are maps are correlated by their keys */
		{"{type: object, properties: {l: {type: array, maxItems: 9, "
		 "x-kubernetes-list-type: "
		 "map, x-kubernetes-list-map-keys: [k], items: {type: object, required: [k], "
		 "properties: {k: {type: string}, v: {type: integer, x-kubernetes-validations: "
		 "[{rule: 'self >= oldSelf'}]}}}}}}",
		 "{l: [{k: b, v: 1}, {k: a, v: 1}]}", "{l: [{k: a, v: 2}, {k: b, v: 1}]}",
		 "spec.l[1].v: Invalid value: \"integer\": failed rule: self >= oldSelf\n"},
		{"{type: object, x-kubernetes-validations: [{rule: 'self.s + [\"b\"] == [\"b\", "
		 "\"a\"] && self.s.all(x, x in oldSelf.s)'}], properties: {s: {type: array, "
		 "maxItems: 5, x-kubernetes-list-type: set, items: {type: string, maxLength: 3}}}}",
		 "{s: [a, b]}", "{s: [b, a]}", NULL},
		/* types that only CEL has, names that it cannot spell, nulls, maps */
		{"{type: object, x-kubernetes-validations: [{rule: 'self.t.getFullYear() == 2024 "
		 "&& "
		 "self.d > duration(\"1m\") && self.w == b\"abc\" && self.num == 2.0 && "
		 "(type(self.i) == string || self.i > 3) && self.a__dot__b == 1 && "
		 "self.__namespace__ == \"x\" && !has(self.z) && self.m.all(k, self.m[k] > 0)'}], "
		 "properties: {t: {type: string, format: date-time}, d: {type: string, format: "
		 "duration}, w: {type: string, format: byte}, num: {type: number}, i: "
		 "{x-kubernetes-int-or-string: true}, a.b: {type: integer}, namespace: {type: "
		 "string}, z: {type: string, nullable: true}, m: {type: object, maxProperties: 5, "
		 "additionalProperties: {type: integer}}}}",
		 "{t: '2024-05-06T07:08:09Z', d: 2m, w: YWJj, num: 2, i: 10%, a.b: 1, namespace: "
		 "x, z: "
		 "null, m: {p: 1}}",
		 NULL, NULL},
		{"{type: object, x-kubernetes-validations: [{rule: 'self.e.metadata.name == \"m1\" "
		 "&& "
		 "self.e.kind == \"Pod\"'}], properties: {e: {type: object, "
		 "x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: "
		 "true}}}",
		 "{e: {apiVersion: v1, kind: Pod, metadata: {name: m1}}}", NULL, NULL},
		{"{type: object, properties: {w: {type: string, format: byte, "
		 "x-kubernetes-validations: [{rule: 'self == b\"abc\"'}, {rule: 'size(self) == "
		 "3'}]}}}",
		 "{w: YWJj}", NULL, NULL},
		/* structure comes first */
		{"{type: object, required: [b], x-kubernetes-validations: [{rule: 'self.a > 5'}], "
		 "properties: {a: {type: integer}, b: {type: integer}}}",
		 "{a: 1}", NULL,
		 "some validation rules were not checked because the object was invalid"},
		/* nobody is held up */
		{"{type: object, x-kubernetes-validations: [{rule: 'self.l.all(x, self.l.all(y, "
		 "self.l.exists(z, z == x + y)))'}], properties: {l: {type: array, maxItems: 70, "
		 "items: {type: integer}}}}",
		 "{l: "
		 "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,"
		 "30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,"
		 "57,"
		 "58,59,60,61,62,63,64,65,66,67,68,69,0]}",
		 NULL, "failed rule"},
	};

	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		const struct kind *k = thing(list[i].schema);
		CLEANUP_FREE char *got = rule_faults(k, list[i].object, list[i].old);

		if (list[i].fault ? !strstr(got, list[i].fault) : *got != '\0')
			fail_msg("%zu %s\n  is     %s\n  wanted %s", i, list[i].schema, got,
				 list[i].fault ? list[i].fault : "");
		custom_undefine("things.example.com");
	}
}

/* What is wrong with the rules of a definition. */
static void test_refused_expressions(void **state)
{
	static const struct {
		const char *schema, *fault;
	} list[] = {
#define RULE "spec.versions[0].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]"
		{"{type: object, x-kubernetes-validations: [{rule: 'self.nope > 0'}], properties: "
		 "{a: {type: integer}}}",
		 RULE ".rule: Invalid value: \"self.nope > 0\": compilation failed: ERROR: "
		      "<input>:1:5: undefined field 'nope'"},
		{"{type: object, x-kubernetes-validations: [{rule: 'self.a'}], properties: {a: "
		 "{type: "
		 "integer}}}",
		 RULE ".rule: Invalid value: \"self.a\": cel expression must evaluate to a bool"},
		{"{type: object, x-kubernetes-validations: [{rule: 'self.a == \"x\"'}], "
		 "properties: "
		 "{a: {type: integer}}}",
		 "found no matching overload for '_==_' applied to '(int, string)'"},
		{"{type: object, x-kubernetes-validations: [{rule: 'self.metadata.name == "
		 "\"x\"'}], "
		 "properties: {a: {type: integer}}}",
		 "undefined field 'metadata'"},
		{"{type: object, x-kubernetes-validations: [{rule: 'true', messageExpression: "
		 "'self.a'}], properties: {a: {type: integer}}}",
		 RULE ".messageExpression: Invalid value: \"self.a\": messageExpression must "
		      "evaluate to a string"},
		{"{type: object, x-kubernetes-validations: [{rule: 'true', fieldPath: .b}], "
		 "properties: {a: {type: integer}}}",
		 RULE ".fieldPath: Invalid value: \".b\": fieldPath must be a valid path: does not "
		      "refer to a valid field"},
		{"{type: object, x-kubernetes-validations: [{rule: ' '}]}",
		 RULE ".rule: Required value: rule is not specified"},
		{"{type: object, x-kubernetes-validations: [{rule: 'true', reason: Because}]}",
		 RULE ".reason: Unsupported value: \"Because\""},
		{"{type: object, x-kubernetes-validations: [{rule: 'true', optionalOldSelf: "
		 "true}]}",
		 RULE
		 ".optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used "
		 "in rule"},
		{"{type: object, properties: {l: {type: array, items: {type: integer, "
		 "x-kubernetes-validations: [{rule: 'self == oldSelf'}]}}}}",
		 "oldSelf cannot be used on the uncorrelatable portion of the schema within "
		 "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[l]"},
		{"{type: object, x-kubernetes-validations: [{rule: 'self.l.all(x, self.l.all(y, x "
		 "== "
		 "y))'}], properties: {l: {type: array, items: {type: string}}}}",
		 RULE ".rule: Forbidden: estimated rule cost exceeds budget by factor of more than "
		      "100x (try simplifying the rule"},
		{"{type: object, properties: {cases: {type: array, maxItems: 20, items: {type: "
		 "object, x-kubernetes-validations: [{rule: '!self.a.contains(self.b)'}], "
		 "properties: {a: {type: string, maxLength: 4096}, b: {type: string, maxLength: "
		 "4096}}}}}}",
		 "estimated rule cost exceeds budget by factor of 5.4x"},
	};

	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		CLEANUP_FREE char *spec =
			xasprintf("{type: object, properties: {spec: %s}}", list[i].schema);
		CLEANUP_FREE char *yaml = whole_definition(spec, "");
		CLEANUP(buf_fini) struct buf out = BUF_INIT;

		value_unref(admit(definitions(), yaml, NULL, &out));
		if (!strstr(buf_str(&out), list[i].fault))
			fail_msg("%zu %s\n  is     %s\n  wanted %s", i, list[i].schema,
				 buf_str(&out), list[i].fault);
	}
}

static void test_schema_file(void **state)
{
	const struct kind *k = thing(
		"{type: object, x-kubernetes-validations: [{rule: 'self.a > 0'}], properties: "
		"{a: {type: integer, minimum: 1, default: 2}, s: {type: string, enum: [x, "
		"z]}}}");
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	schema_render_fields(k, &out);
	assert_non_null(strstr(buf_str(&out), "\nspec object rule=\"self.a > 0\"\n"));
	assert_non_null(strstr(buf_str(&out), "\nspec.a integer default=2 min=1\n"));
	assert_non_null(strstr(buf_str(&out), "\nspec.s string enum=[\"x\",\"z\"]\n"));
	assert_non_null(strstr(buf_str(&out), "\nmetadata.name string"));
	custom_undefine("things.example.com");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keywords),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_structural),
		cmocka_unit_test(test_example_not_structural),
		cmocka_unit_test(test_example_structural),
		cmocka_unit_test(test_example_extensions),
		cmocka_unit_test(test_selectable_fields),
		cmocka_unit_test(test_refused_definitions),
		cmocka_unit_test(test_updates_of_definitions),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_established_stays),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_preferred_version),
		cmocka_unit_test(test_drafts),
		cmocka_unit_test(test_tried_versions),
		cmocka_unit_test(test_list_map_is_shared),
		cmocka_unit_test(test_ratcheting),
		cmocka_unit_test(test_patterns_end),
		cmocka_unit_test(test_work_is_bounded),
		cmocka_unit_test(test_other_shape_than_decoded),
		cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_refused_expressions),
		cmocka_unit_test(test_schema_file),
	};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
