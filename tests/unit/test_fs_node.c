/* SPDX-License-Identifier: MIT */
/* The node table: one node a place, stable numbers, references of ours and of the kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fs/node.h"
#include "fs/row.h"

static const struct row root = {.name = "", .where = "", .type = ROW_DIR};
static const struct row dir = {.name = "<dir>", .where = "x/", .type = ROW_DIR};
static const struct row file = {.name = "<file>", .where = "x/", .type = ROW_FILE};

static void test_same_place_same_node(void **state)
{
	struct nodes *all = nodes_new(&root);
	struct node *top = nodes_root(all);
	struct place at = {.row = &dir, .ns = "default", .name = "web", .uid = "u1"};
	struct node *a = node_get(top, "web", &at), *b = node_get(top, "web", &at);
	struct place other = at;
	struct node *c;

	(void)state;
	assert_ptr_equal(a, b);
	assert_int_equal(a->ino, place_ino(&at));
	other.uid = "u2"; /* made anew: another node, another number */
	c = node_get(top, "web", &other);
	assert_ptr_not_equal(a, c);
	assert_int_not_equal(a->ino, c->ino);
	assert_int_equal(nodes_count(all), 3);
	node_unref(a);
	assert_int_equal(nodes_count(all), 3);
	node_unref(b);
	assert_int_equal(nodes_count(all), 2);
	assert_null(node_find(all, &at));
	node_unref(c);
	nodes_free(all);
}

static void test_kernel_references(void **state)
{
	struct nodes *all = nodes_new(&root);
	struct node *d = node_get(nodes_root(all), "d", &(struct place){.row = &dir, .sub = "d"});
	struct node *f = node_get(d, "f", &(struct place){.row = &file, .sub = "d/f"});
	CLEANUP(buf_fini) struct buf path = BUF_INIT;

	(void)state;
	node_path(f, &path);
	assert_string_equal(buf_str(&path), "d/f");
	node_looked_up(f);
	node_looked_up(f);
	node_unref(f);
	node_unref(d);
	assert_int_equal(nodes_count(all), 3); /* the child holds its parent */
	node_forget(f, 1);
	assert_int_equal(nodes_count(all), 3);
	node_forget(f, 100); /* more than there are does not wrap */
	assert_int_equal(nodes_count(all), 1);
	nodes_free(all);
}

static void test_many(void **state)
{
	struct nodes *all = nodes_new(&root);
	struct node *list[5000], **found;
	char sub[16];
	size_t n;

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		snprintf(sub, sizeof(sub), "%zu", i);
		list[i] = node_get(
			nodes_root(all), sub,
			&(struct place){.row = &file, .uid = i % 2 ? "odd" : "even", .sub = sub});
	}
	found = nodes_of_uid(all, "odd", &n);
	assert_int_equal(n, 2500);
	for (size_t i = 0; i < n; i++)
		node_unref(found[i]);
	free(found);
	for (size_t i = 0; i < 5000; i++)
		node_unref(list[i]);
	assert_int_equal(nodes_count(all), 1);
	nodes_free(all);
}

static void test_names(void **state)
{
	static const struct row fixed = {.name = "status", .where = "x/", .type = ROW_FILE};
	struct nodes *all = nodes_new(&root);
	struct place object = {
		.row = &dir, .ns = "default", .name = "web", .uid = "u1", .sub = "spec/image"};
	struct place of_row = {.row = &fixed, .uid = "u1"};
	struct node *a = node_get(nodes_root(all), "web", &object);
	struct node *b = node_get(a, "status", &of_row);
	struct node *c, *d;

	(void)state;
	assert_string_equal(a->fname, "web");
	assert_string_equal(b->fname, "status");
	object.uid = "u2";
	c = node_get(a, "image", &object); /* the end of sub */
	assert_string_equal(c->fname, "image");
	assert_string_equal(c->ns, "default");
	assert_string_equal(c->name, "web");
	assert_string_equal(c->uid, "u2");
	assert_string_equal(c->sub, "spec/image");
	object.uid = "u3";
	d = node_get(c, "another", &object);
	assert_string_equal(d->fname, "another");
	assert_string_equal(d->sub, "spec/image");
	node_unref(d);
	node_unref(c);
	node_unref(b);
	node_unref(a);
	assert_int_equal(nodes_count(all), 1);
	nodes_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_place_same_node),
		cmocka_unit_test(test_kernel_references),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
