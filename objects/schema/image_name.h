/* SPDX-License-Identifier: MIT */
/*
 * The grammar of image names, as far as defaults need it.
 * Source: github.com/distribution/reference (grammar).
 */
#pragma once

/*
 * True when the name says, or leaves out, the tag `latest` and gives no digest:
 * such images are pulled each time. False for what is no image name.
 */
int image_name_is_latest(const char *image);
