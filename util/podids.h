/* SPDX-License-Identifier: MIT */
/* The user and group ids that pods have: a range of its own for each. */
#pragma once

#define POD_ID_FIRST 200000u
#define POD_ID_RANGE 65536u

/* What stands for the user whom the kernel names by this uid: a pod has one, whatever it takes
 * within its range. */
static inline unsigned pod_id_base(unsigned uid)
{
	return uid < POD_ID_FIRST ? uid : uid - (uid - POD_ID_FIRST) % POD_ID_RANGE;
}
