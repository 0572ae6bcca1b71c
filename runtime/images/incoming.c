/* SPDX-License-Identifier: MIT */
/* One image of an archive, in the daemon and in k8sfs-image. */
#include "runtime/images/import.h"

void incoming_free(struct incoming *i)
{
	if (!i)
		return;
	free(i->name);
	buf_fini(&i->manifest);
	buf_fini(&i->config);
	image_config_fini(&i->spec.config);
	for (size_t n = 0; n < IMAGE_MAX_LAYERS; n++)
		free(i->layers[n].member);
	free(i);
}
