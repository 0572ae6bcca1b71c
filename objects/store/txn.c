/* SPDX-License-Identifier: MIT */
/* Building transactions. */
#include "objects/store/store.h"

struct store_txn *store_txn_new(void)
{
	return xcalloc(1, sizeof(struct store_txn));
}

static void op_fini(struct store_op *op)
{
	free((char *)op->key.ns);
	free((char *)op->key.name);
	value_unref(op->value);
	free(op->space);
	free(op->id);
	free(op->meta);
	buf_fini(&op->bytes);
	object_unref(op->result);
}

void store_txn_free(struct store_txn *txn)
{
	if (!txn)
		return;
	for (size_t i = 0; i < txn->n_ops; i++)
		op_fini(&txn->ops[i]);
	free(txn->ops);
	free(txn);
}

void store_txn_truncate(struct store_txn *txn, size_t n)
{
	while (txn->n_ops > n)
		op_fini(&txn->ops[--txn->n_ops]);
}

static struct store_op *op_add(struct store_txn *txn, enum store_op_kind kind)
{
	struct store_op *op;

	txn->ops = xreallocarray(txn->ops, txn->n_ops + 1, sizeof(*txn->ops));
	op = &txn->ops[txn->n_ops++];
	*op = (struct store_op){.op = kind};
	return op;
}

static struct store_op *object_op(struct store_txn *txn, enum store_op_kind kind, struct objkey key,
				  uint64_t expect)
{
	struct store_op *op = op_add(txn, kind);

	op->key = (struct objkey){key.kind, xstrdup(key.ns), xstrdup(key.name)};
	op->expect = expect;
	return op;
}

void store_txn_put(struct store_txn *txn, struct objkey key, struct value *taken, uint64_t expect)
{
	object_op(txn, STORE_PUT, key, expect)->value = taken;
}

void store_txn_delete(struct store_txn *txn, struct objkey key, uint64_t expect)
{
	object_op(txn, STORE_DELETE, key, expect);
}

void store_txn_record_put(struct store_txn *txn, const char *space, const char *id,
			  const char *meta, struct buf *taken_bytes)
{
	struct store_op *op = op_add(txn, STORE_RECORD_PUT);

	op->space = xstrdup(space);
	op->id = xstrdup(id);
	op->meta = xstrdup(meta);
	op->keep_bytes = !taken_bytes;
	if (taken_bytes) {
		op->bytes = *taken_bytes;
		*taken_bytes = (struct buf)BUF_INIT;
	}
}

void store_txn_record_delete(struct store_txn *txn, const char *space, const char *id)
{
	struct store_op *op = op_add(txn, STORE_RECORD_DELETE);

	op->space = xstrdup(space);
	op->id = xstrdup(id);
}
