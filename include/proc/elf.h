/* Loading a static ELF program: regions only; its pages are faulted in when they are touched. */
#pragma once

#include <vm/vspace.h>

struct vnode;

/* The addresses of a loaded program: its entry, and the addresses that auxv gives its start-up
   code. */
struct elf_image {
    uaddr_t entry;       /* AT_ENTRY */
    uaddr_t phdrs;       /* AT_PHDR: address of the program headers; 0: not mapped */
    unsigned nphdrs;     /* AT_PHNUM */
    uaddr_t end;         /* of its highest segment */
    bool has_exec_stack; /* PT_GNU_STACK asks for it; without such a header the answer is no */
    /* of the code and of the writable data, as far as they are in the file */
    uaddr_t code_start, code_end, data_start, data_end;
};

/* Maps the segments of the program in the file `exe` into `vspace`, which is empty. Errors:
   -ENOEXEC (not a static x86-64 ELF program, or a broken one), -ENOMEM, -EIO. On failure some
   segments may be mapped. */
__must_check int elf_load(struct vnode *exe, struct vspace *vspace, struct elf_image *image);
