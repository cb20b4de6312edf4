/* Loading a static ELF program: promises only; its pages come with their first touch. */
#pragma once

#include <vm/vspace.h>

struct vnode;

/* Where a loaded program begins, and what its start-up code wants to know of it (auxv). */
struct elf_image {
    uaddr_t entry;   /* AT_ENTRY */
    uaddr_t phdrs;   /* AT_PHDR: where the program headers are mapped; 0: they are not */
    unsigned nphdrs; /* AT_PHNUM */
    uaddr_t end;     /* of its highest segment */
    /* what its file holds of code, and of data that is written */
    uaddr_t code_start, code_end, data_start, data_end;
};

/* Maps the segments of the program in the file `exe` into `vspace`, which is empty. Errors:
   -ENOEXEC (not a static x86-64 ELF program, or a broken one), -ENOMEM, -EIO. On failure some
   segments may be mapped. */
__must_check int elf_load(struct vnode *exe, struct vspace *vspace, struct elf_image *image);
