/* SPDX-License-Identifier: MIT */
/* What people see of the store: the table of images, and running imports. */
#include <stdarg.h>
#include <stdio.h>

#include "runtime/images/store_i.h"

static void add_size(struct buf *out, uint64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 999.5 && u + 1 < ARRAY_LEN(units)) {
		v /= 1000;
		u++;
	}
	buf_addf(out, u && v < 99.95 ? "%.1f%s" : "%.0f%s", v, units[u]);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct stored *const *)a)->image.name,
		      (*(struct stored *const *)b)->image.name);
}

/* lock held. */
static void list_rows(const struct images *im, struct stored *const *sorted, struct buf *out)
{
	int width = 4;

	for (size_t i = 0; i < im->n_all; i++)
		if (!sorted[i]->dangling && (int)strlen(sorted[i]->image.name) > width)
			width = (int)strlen(sorted[i]->image.name);
	buf_addf(out, "%-*s   %-12s   %8s   %6s   CREATED\n", width, "NAME", "ID", "SIZE",
		 "LAYERS");
	for (size_t i = 0; i < im->n_all; i++) {
		const struct stored *s = sorted[i];
		CLEANUP(buf_fini) struct buf size = BUF_INIT;

		add_size(&size, s->image.size);
		buf_addf(out, "%-*s   %.12s   %8s   %6zu   %s\n", width,
			 s->dangling ? "<none>" : s->image.name, digest_hex(s->image.id),
			 buf_str(&size), s->n_layers, *s->created ? s->created : "<unknown>");
	}
}

void images_list(struct images *im, struct buf *out)
{
	struct stored **sorted;

	pthread_mutex_lock(&im->lock);
	sorted = xmalloc((im->n_all + 1) * sizeof(*sorted));
	if (im->n_all)
		memcpy(sorted, im->all, im->n_all * sizeof(*sorted));
	qsort(sorted, im->n_all, sizeof(*sorted), by_name);
	list_rows(im, sorted, out);
	pthread_mutex_unlock(&im->lock);
	free(sorted);
}

/* -- running imports -- */

void image_job_begin(struct images *im, struct image_job *j)
{
	*j = (struct image_job){.text = "import: reading the archive"};
	pthread_mutex_lock(&im->lock);
	j->next = im->jobs;
	im->jobs = j;
	pthread_mutex_unlock(&im->lock);
}

void image_job_say(struct images *im, struct image_job *j, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pthread_mutex_lock(&im->lock);
	vsnprintf(j->text, sizeof(j->text), fmt, ap);
	pthread_mutex_unlock(&im->lock);
	va_end(ap);
}

void image_job_end(struct images *im, struct image_job *j)
{
	pthread_mutex_lock(&im->lock);
	for (struct image_job **at = &im->jobs; *at; at = &(*at)->next)
		if (*at == j) {
			*at = j->next;
			break;
		}
	pthread_mutex_unlock(&im->lock);
}

void images_progress(struct images *im, struct buf *out)
{
	pthread_mutex_lock(&im->lock);
	for (const struct image_job *j = im->jobs; j; j = j->next)
		buf_addf(out, "%s\n", j->text);
	pthread_mutex_unlock(&im->lock);
}
