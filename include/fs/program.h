/* A file that is being run as a program. While it lives the file cannot be opened for writing or
   truncated, and a file that is open for writing cannot become one (ETXTBSY). It is the pager of
   the program's regions, so it lives as long as a region shows the file, or somebody holds it. */
#pragma once

#include <fs/vnode.h>
#include <vm/pager.h>

struct program {
    struct pager pager;  /* for the regions; its get and put are the program's */
    struct vnode *vnode; /* (c) one reference, and its denial of writing */
    unsigned refs;       /* atomic */
};

/* The program at `path`, with one reference. -EACCES: not a regular file, or not executable;
   -ETXTBSY; -ENOMEM; and what path_lookup says. */
__must_check int program_open(struct vnode *start, const char *path, struct program **program);

void program_get(struct program *program);
void program_put(struct program *program); /* NULL is allowed */

/* Bytes of the file into kernel memory: how many, fewer only at its end; -errno. */
__must_check ssize_t program_read(struct program *program, uint64_t offset, void *buf, size_t len);
