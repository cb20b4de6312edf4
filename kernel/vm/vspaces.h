/* The beginning of an address space; private to vspace.c and fork.c. */
#pragma once

#include <vm/vspace.h>

/* Makes a vspace that is not listed yet. -ENOMEM. */
__must_check int vspace_alloc(struct vspace **vspace);

/* Lists a vspace that is complete, behind its parent (NULL: it has none). */
void vspace_list(struct vspace *vspace, struct vspace *parent);
