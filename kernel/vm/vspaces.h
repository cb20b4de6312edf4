/* What the files that begin an address space or change its regions share. */
#pragma once

#include <vm/vspace.h>

/* Makes a vspace that is not listed yet. -ENOMEM. */
__must_check int vspace_alloc(struct vspace **vspace);

/* Lists a vspace that is complete. */
void vspace_list(struct vspace *vspace);

/* Takes a reference, unless the last one is gone and the vspace is being destroyed. */
__must_check bool vspace_get_unless_zero(struct vspace *vspace);

/* ---- Steps of a change of regions (map.c). The vspace's lock is held for writing ---- */

/* Counts a region that comes (sign 1) or goes (-1) towards the sizes and limits. */
void vspace_count_region(struct vspace *vspace, const struct vregion *region, int sign);

/* Cuts regions so that [start, end) begins and ends with a region's border. -ENOMEM: there would be
   more than `most` regions, or no memory is left; nothing has changed. */
__must_check int vspace_cut_out(struct vspace *vspace, uaddr_t start, uaddr_t end, unsigned most);

/* Merges the region that holds `addr`, if any, with neighbours that are no different. */
void vspace_heal(struct vspace *vspace, uaddr_t addr);

/* Returns the hole that [start, end) leaves when it goes, between what stays below and above. */
struct hole vspace_hole_around(struct vspace *vspace, uaddr_t start, uaddr_t end);

/* Frees the regions of [start, end), which begins and ends with a region's border. */
void vspace_drop_regions(struct vspace *vspace, uaddr_t start, uaddr_t end);

/* Returns in `start` where the request goes. -ENOMEM: no room; -EEXIST; -EPERM: fixed, and too low. */
__must_check int vspace_place(struct vspace *vspace, const struct map_request *request,
                              uaddr_t *start);

/* Returns -ENOMEM, or -EAGAIN for RLIMIT_MEMLOCK, if the limits leave no room for `more` bytes of a
   region like `like`. */
__must_check int vspace_check_limits(const struct vspace *vspace, const struct vregion *like,
                                     uint64_t more);

/* vspace_discard, for a caller that holds the vspace's lock for writing. */
__must_check int vspace_discard_locked(struct vspace *vspace, uaddr_t start, uaddr_t end,
                                       unsigned forbidden);

/* Carries out in a child, in which no thread runs yet, what the flags of its regions say. -ENOMEM. */
__must_check int vspace_flags_forked(struct vspace *child);
