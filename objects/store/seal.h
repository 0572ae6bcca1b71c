/* SPDX-License-Identifier: MIT */
/*
 * Sealing: text that only who has the key can read, and that opens in the place it was sealed for
 * and nowhere else. AES-256-GCM.
 *
 * A nonce never repeats: a sealer draws a salt of 16 random bytes when it is made, seals with a
 * key that is derived of it (HMAC-SHA-256 of the key over the salt), and counts. So two starts
 * share no key, and within one no count comes twice.
 *
 *	sealed: 1 | key's id 8 | salt 16 | count 8, big-endian | AES-GCM's text and tag
 *
 * The first byte is no first byte of JSON. What sealing does not hinder: that an older sealed text
 * of the same place is put back.
 *
 * Locking: any thread, once keys are added.
 */
#pragma once

#include "objects/store/seal_cipher.h"
#include "util/buf.h"
#include "util/err.h"

struct sealer;

/* Loads the cipher. NULL with err. */
struct sealer *sealer_new(struct err *err);
void sealer_free(struct sealer *s);
/* The first one seals, all of them open. Return: 0, -EIO. */
int sealer_add_key(struct sealer *s, const uint8_t key[SEAL_KEY_BYTES], struct err *err) MUST_CHECK;

/* bound: the place. Appends. Return: 0, -EIO when the library failed. */
int sealer_seal(struct sealer *s, const void *bound, size_t bound_len, const void *plain,
		size_t len, struct buf *out, struct err *err) MUST_CHECK;
/*
 * Appends the plain text. Return: 0; -ENOKEY it is of another key, which err names; -EBADMSG it was
 * changed, or sealed for another place.
 */
int sealer_open(struct sealer *s, const void *bound, size_t bound_len, const void *sealed,
		size_t len, struct buf *out, struct err *err) MUST_CHECK;

/* Does it begin as sealed text does? */
int seal_is_sealed(const void *text, size_t len);
/* Is it of the key that seals? */
int sealer_is_current(const struct sealer *s, const void *sealed, size_t len);
