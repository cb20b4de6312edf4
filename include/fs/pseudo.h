/* Files whose text is made when they are read, in directories whose names are given by tables: what
   /proc is made of.

   A directory is a table of fixed names, and perhaps numbers (process ids, descriptors) that come
   and go. A file is a function that prints. Both get a key: of the root 0; of what lies in a
   numbered directory, pseudo_key(the key above, the number); of everything else, the key of the
   directory that it is in.

       static int print_version(struct text_sink *sink, uint64_t key)
       {
           sink_printf(sink, "Pagoda\n");
           return 0;
       }

       static const struct pseudo_entry root_entries[] = {
           {.name = "version", .mode = S_IFREG | 0444, .text = print_version},
           {.name = "self", .mode = S_IFLNK | 0777, .link = print_self},
           {}};
       static const struct pseudo_entry process_entry = {.mode = S_IFDIR | 0555, .dir = &process_dir};
       static const struct pseudo_dir root_dir = {
           .entries = root_entries, .numbered = &process_entry, .next = next_pid};

       err = vfs_mount("/proc", pseudo_root(&root_dir));

   A read at offset 0 makes the text anew, later ones go on in the same text: so what one open file
   reads in pieces fits together, and who wants fresh numbers goes back to 0.

   Callbacks may sleep and take any lock; none is held. They hold no frame when they return. */
#pragma once

#include <fs/vnode.h>
#include <lib/printf.h>

struct pseudo_dir;

/* One name. */
struct pseudo_entry {
    const char *name; /* NULL: the end of the table */
    uint32_t mode;    /* S_IFREG, S_IFDIR or S_IFLNK, and permissions */

    /* A file: prints its whole text. -errno: what the read returns (-ESRCH: it is gone). */
    int (*text)(struct text_sink *sink, uint64_t key);

    /* A file that can be written too: takes what one write brings, with a 0 behind it. */
    int (*set)(const char *text, uint64_t key);

    /* A symbolic link: prints its target. -errno as above. */
    int (*link)(struct text_sink *sink, uint64_t key);

    const struct pseudo_dir *dir; /* a directory */
};

/* What next returns when there is no number from there on. */
#define PSEUDO_NO_NUMBER UINT32_MAX

struct pseudo_dir {
    const struct pseudo_entry *entries;  /* its fixed names; NULL: none */
    const struct pseudo_entry *numbered; /* what its numbers are; NULL: it has none */

    /* The lowest number that exists from `from` on. */
    uint32_t (*next)(uint64_t key, uint32_t from);
};

/* The key of what is called `number` in a directory with `key`. */
static inline uint64_t pseudo_key(uint64_t key, uint32_t number)
{
    return key << 32 | number;
}

/* A file system of its own with `dir` as its root, with a reference; NULL: no memory. */
struct vnode *pseudo_root(const struct pseudo_dir *dir);
