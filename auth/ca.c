/* SPDX-License-Identifier: MIT */
/*
 * k8sfs-ca: makes the cluster's certificate authority, once, when there is none: a key and a
 * certificate that it signed itself, as kubeadm makes them. A program of its own, because the
 * daemon needs OpenSSL for nothing else.
 *
 *	0	the directory that gets ca.key (for root alone) and ca.crt
 *
 * Exit status: 0, or 1 with a line on standard error.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#include "util/err.h"
#include "util/fd.h"

#define YEARS 10

static int add_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	int good;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	good = e && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return good;
}

static int set_serial(X509 *x)
{
	uint64_t serial = 0;

	if (RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1)
		return 0;
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1;
}

/* NULL: OpenSSL's error queue says why. */
static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *name = x ? X509_get_subject_name(x) : NULL;

	if (x && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
	    X509_gmtime_adj(X509_getm_notBefore(x), -300) &&
	    X509_time_adj_ex(X509_getm_notAfter(x), 365 * YEARS, 0, NULL) &&
	    X509_set_pubkey(x, key) == 1 &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				       (const unsigned char *)"kubernetes", -1, -1, 0) == 1 &&
	    X509_set_issuer_name(x, name) == 1 &&
	    add_extension(x, NID_basic_constraints, "critical,CA:TRUE") &&
	    add_extension(x, NID_key_usage,
			  "critical,digitalSignature,keyEncipherment,keyCertSign") &&
	    add_extension(x, NID_subject_key_identifier, "hash") &&
	    add_extension(x, NID_subject_alt_name, "DNS:kubernetes") &&
	    X509_sign(x, key, EVP_sha256()))
		return x;
	X509_free(x);
	return NULL;
}

static int write_out(BIO *text, const char *name, mode_t mode, struct err *err)
{
	char *data;
	long n = BIO_get_mem_data(text, &data);

	return fd_replace_file(name, data, (size_t)n, mode, 1, err);
}

static int write_both(EVP_PKEY *key, X509 *x, struct err *err)
{
	BIO *k = BIO_new(BIO_s_mem()), *c = BIO_new(BIO_s_mem());
	int rc = -1;

	if (!k || !c || PEM_write_bio_PrivateKey(k, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_X509(c, x) != 1)
		err_set(err, 5, "encode the certificate");
	else if ((rc = write_out(k, "ca.key", 0600, err)) ==
		 0) /* the certificate last: it counts */
		rc = write_out(c, "ca.crt", 0644, err);
	BIO_free(k);
	BIO_free(c);
	return rc;
}

int main(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = key ? make_certificate(key) : NULL;
	struct err err = ERR_INIT;
	int rc = -1;

	if (!x)
		ERR_print_errors_fp(stderr);
	else if (fchdir(0) < 0)
		perror("k8sfs-ca: state directory");
	else if ((rc = write_both(key, x, &err)) < 0)
		fprintf(stderr, "k8sfs-ca: %s\n", err.msg);
	X509_free(x);
	EVP_PKEY_free(key);
	return rc < 0;
}
