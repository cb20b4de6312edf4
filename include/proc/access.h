/* The kernel's access to an address space that need not be the current one. */
#pragma once

#include <vm/vspace.h>

/* Writes into a vspace in which no thread runs yet (exec fills the stack), through the fault
   handler. -EFAULT, -ENOMEM. */
__must_check int vspace_write(struct vspace *vspace, uaddr_t to, const void *from, size_t len);

/* Returns in `page` where the page of `addr` is in the direct map, writable, for the same purpose.
   -EFAULT, -ENOMEM. */
__must_check int vspace_page_for_write(struct vspace *vspace, uaddr_t addr, void **page);

/* Reads a vspace in which others may run into kernel memory; pages that are absent are faulted in.
   Returns how many of the `len` bytes could be read. The caller has a reference. May sleep. Lock:
   taken, for reading. */
__must_check size_t vspace_read(struct vspace *vspace, uaddr_t from, void *to, size_t len);

/* Access a vspace in which others may run as a debugger does, beyond the rights of its regions. Peek
   reads what is mapped. Poke writes to private regions, and to shared ones that may be written; a
   page that the program may not write becomes its own copy, and stays as it is for the program.
   They return how many of the `len` bytes could be moved. The caller has a reference. May sleep.
   Lock: taken, by poke for writing. */
__must_check size_t vspace_peek(struct vspace *vspace, uaddr_t from, void *to, size_t len);
__must_check size_t vspace_poke(struct vspace *vspace, uaddr_t to, const void *from, size_t len);
