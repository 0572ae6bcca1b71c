/* SPDX-License-Identifier: MIT */
/* One image of an archive, in the daemon and in k8sfs-image. */
#include "runtime/images/import.h"

/* As an OCI manifest; the layers are named by their uncompressed tars. */
void incoming_make_manifest(struct incoming *i)
{
	buf_addf(
		&i->manifest,
		"{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
		"\"config\":{\"mediaType\":\"application/"
		"vnd.oci.image.config.v1+json\",\"digest\":\"%s\","
		"\"size\":%zu},\"layers\":[",
		i->id, i->config.len);
	for (size_t n = 0; n < i->spec.n_layers; n++)
		buf_addf(&i->manifest,
			 "%s{\"mediaType\":\"application/"
			 "vnd.oci.image.layer.v1.tar\",\"digest\":\"sha256:%s\",\"size\":0}",
			 n ? "," : "", i->spec.diff_ids[n]);
	buf_adds(&i->manifest, "]}");
	digest_of(i->manifest.data, i->manifest.len, i->digest);
}

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
