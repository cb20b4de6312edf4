/* Files whose text is made when they are read, in directories that are described by tables. /proc
   consists of them.

   A directory is a table of fixed names, and perhaps numbers (process ids, descriptors) that come
   and go. A file is a function that prints. Both get a key. The key of the root is 0. The key in a
   numbered directory is pseudo_key(the key above, the number). Everything else has the key of its
   directory.

       static int print_version(struct text_sink *sink, uint64_t key)
       {
           sink_printf(sink, "Pagoda\n");
           return 0;
       }

       static const struct pseudo_entry root_entries[] = {
           {.name = "version", .mode = S_IFREG | 0444, .text = print_version},
           {.name = "self", .mode = S_IFLNK | 0777, .link = print_self},
           {}};
       static const struct pseudo_entry process_entry = {.mode = S_IFDIR | 0555,
                                                         .dir = &process_dir};
       static const struct pseudo_dir root_dir = {
           .entries = root_entries, .numbered = &process_entry, .next = next_pid};

       err = vfs_mount("/proc", pseudo_root(&root_dir));

   A read at offset 0 makes the text anew, and later reads continue in the same text. So the parts
   that one open file reads fit together, and a reader that wants new numbers seeks to 0. A long
   text is made part by part as it is read, and each part shows its own moment.

   Callbacks may sleep and take any lock, because none is held. They hold no frame when they
   return. */
#pragma once

#include <fs/vnode.h>
#include <lib/printf.h>

struct file_ops;
struct pseudo_dir;

/* An entry of a directory. */
struct pseudo_entry {
    const char *name; /* NULL: the end of the table */
    uint32_t mode;    /* S_IFREG, S_IFDIR or S_IFLNK, and permissions */

    /* A file: prints the whole text. -errno is the result of the read (-ESRCH: the process is
       gone). */
    int (*text)(struct text_sink *sink, uint64_t key);

    /* A file with a long text, instead of `text`: prints the next part of it, from *place on, and
       stores in *place where the part behind it begins. The first part is at 0. Prints nothing at
       the end. A place stays valid when the subject of the text changes. */
    int (*part)(struct text_sink *sink, uint64_t key, uint64_t *place);

    /* A file that can be written: takes the first bytes of one write, at most 63, followed by
       a 0. */
    int (*set)(const char *text, uint64_t key);

    /* A symbolic link: prints the target. -errno is the result of readlink(2). */
    int (*link)(struct text_sink *sink, uint64_t key);

    /* A symbolic link to a vnode, whether that has a name or not: finds it, and takes a reference
       on it. readlink(2) shows the vnode's path. */
    int (*target)(uint64_t key, struct vnode **vnode);

    const struct pseudo_dir *dir; /* of a directory */

    /* A file whose bytes come from elsewhere, instead of `text` and `set`. */
    const struct file_ops *file_ops;
};

/* Returned by `next` if there is no number from `from` on. */
#define PSEUDO_NO_NUMBER UINT32_MAX

struct pseudo_dir {
    const struct pseudo_entry *entries;  /* the fixed names; NULL: none */
    const struct pseudo_entry *numbered; /* the kind of its numbered entries; NULL: none */

    /* Returns the lowest number that exists, from `from` on. */
    uint32_t (*next)(uint64_t key, uint32_t from);
};

/* Returns the key of the entry `number` in a directory with `key`. */
static inline uint64_t pseudo_key(uint64_t key, uint32_t number)
{
    return key << 32 | number;
}

/* Returns the key of a file, for its own file_ops. */
uint64_t pseudo_key_of(const struct vnode *vnode);

/* Makes a file system with `dir` as its root. Returns the root with a reference, or NULL: no
   memory. */
struct vnode *pseudo_root(const struct pseudo_dir *dir);
