/* SPDX-License-Identifier: MIT */
/* Named formats: format.dns1123Label().validate(text) gives optional.of([what is wrong]). */
#include "objects/cel/lib.h"
#include "objects/schema/text.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

static const char *check_uri(const char *s)
{
	return format_holds("uri", s, strlen(s)) ? NULL : "must be a URI";
}

static const char *check_uuid(const char *s)
{
	return format_holds("uuid", s, strlen(s)) ? NULL : "does not match the UUID format";
}

static const char *check_byte(const char *s)
{
	return format_holds("byte", s, strlen(s)) ? NULL : "invalid base64";
}

static const char *check_date(const char *s)
{
	return format_holds("date", s, strlen(s)) ? NULL : "invalid date";
}

static const char *check_datetime(const char *s)
{
	return format_holds("date-time", s, strlen(s)) ? NULL : "invalid datetime";
}

static const char *check_subdomain(const char *s)
{
	return text_check(FORMAT_DNS_SUBDOMAIN, s);
}

static const char *check_label(const char *s)
{
	return text_check(FORMAT_DNS_LABEL, s);
}

static const char *check_1035(const char *s)
{
	return text_check(FORMAT_DNS_1035_LABEL, s);
}

static const char *check_qualified(const char *s)
{
	return text_check(FORMAT_LABEL_KEY, s);
}

static const char *check_label_value(const char *s)
{
	return text_check(FORMAT_LABEL_VALUE, s);
}

/* A prefix of a generated name: may end in a dash. */
static const char *check_prefix(const char *s, const char *(*check)(const char *s))
{
	size_t n = strlen(s);
	CLEANUP_FREE char *with = n && s[n - 1] == '-' ? xasprintf("%.*sa", (int)n - 1, s) : NULL;

	return check(with ? with : s);
}

static const char *check_label_prefix(const char *s)
{
	return check_prefix(s, check_label);
}

static const char *check_subdomain_prefix(const char *s)
{
	return check_prefix(s, check_subdomain);
}

static const char *check_1035_prefix(const char *s)
{
	return check_prefix(s, check_1035);
}

struct named {
	const char *name;
	const char *(*check)(const char *s);
};

static const struct named formats[] = {
	{"byte", check_byte},
	{"date", check_date},
	{"datetime", check_datetime},
	{"dns1035Label", check_1035},
	{"dns1035LabelPrefix", check_1035_prefix},
	{"dns1123Label", check_label},
	{"dns1123LabelPrefix", check_label_prefix},
	{"dns1123Subdomain", check_subdomain},
	{"dns1123SubdomainPrefix", check_subdomain_prefix},
	{"labelValue", check_label_value},
	{"qualifiedName", check_qualified},
	{"uri", check_uri},
	{"uuid", check_uuid},
};

static const struct named *find(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (strlen(formats[i].name) == n && memcmp(formats[i].name, name, n) == 0)
			return &formats[i];
	return NULL;
}

FN(validate)
{
	const struct named *f = find(a->other, strlen(a->other));
	const char *s = cel_c_string(r, a[1]);
	const char *why = !s ? "must hold no NUL" : f ? f->check(s) : NULL;
	struct cel_val *list;

	if (!why)
		return cel_none();
	list = cel_alloc(r, 1, sizeof(*list));
	if (!list)
		return cel_stop(r);
	*list = cel_text_copy(r, why, strlen(why));
	return cel_some(r, cel_list(list, 1));
}

FN(named)
{
	const struct named *f = find(a->s, a->n);

	return f ? cel_some(r, cel_other(CEL_FORMAT, f->name)) : cel_none();
}

#define FORMAT(which)                                                                              \
	FN(format_##which)                                                                         \
	{                                                                                          \
		return cel_other(CEL_FORMAT, #which);                                              \
	}
FORMAT(byte)
FORMAT(date)
FORMAT(datetime)
FORMAT(dns1035Label)
FORMAT(dns1035LabelPrefix)
FORMAT(dns1123Label)
FORMAT(dns1123LabelPrefix)
FORMAT(dns1123Subdomain)
FORMAT(dns1123SubdomainPrefix)
FORMAT(labelValue)
FORMAT(qualifiedName)
FORMAT(uri)
FORMAT(uuid)
#define ROW(which)                                                                                 \
	{                                                                                          \
		"format." #which, ">F", format_##which, COST_1                                     \
	}

static const struct cel_function rows[] = {
	ROW(byte),
	ROW(date),
	ROW(datetime),
	ROW(dns1035Label),
	ROW(dns1035LabelPrefix),
	ROW(dns1123Label),
	ROW(dns1123LabelPrefix),
	ROW(dns1123Subdomain),
	ROW(dns1123SubdomainPrefix),
	ROW(labelValue),
	ROW(qualifiedName),
	ROW(uri),
	ROW(uuid),
	{"format.named", "s>OF", named, COST_1},
	{"validate", ".Fs>OLs", validate, COST_TRAVERSE},
};
CEL_LIBRARY(lib_names, rows);
