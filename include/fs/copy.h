/* Copying from one open file to another (copy.c). */
#pragma once

#include <fs/file.h>

struct file_copy {
    struct file *in, *out;
    uint64_t from;       /* where the next byte is read */
    bool is_stream;      /* it is written at the own offset of `out`; else at `to` */
    uint64_t to;         /* where the next byte is written */
    size_t len;          /* bytes still to copy */
    uint64_t size_limit; /* see struct uio; so are the next two */
    bool over_limit, broken;
};

/* Copies until `len` is 0, the file ends, or an error comes, and advances the fields. Returns the
   bytes copied, which hide an error. Errors: those of file_pread, file_write and file_pwrite;
   -ENOMEM. */
ssize_t file_copy(struct file_copy *copy);
