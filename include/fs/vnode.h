/* A vnode: one file, directory, symbolic link, pipe or device, whatever file system it is of.

   What it is called and where it lies is the business of its vnode_ops, which its file system
   provides; what is in it, of the file_ops, which for a device or a pipe come from elsewhere
   (fs/file.h). A directory's entries are not vnodes: lookup gives the vnode, with a reference.

   Always true: refs counts the open files, directory entries, working directories, pagers and
   callers that hold the vnode; the last vnode_put frees it, so what has a name is never freed. A
   vnode holds a reference on the directory in which it was last placed, never the other way round
   (a directory entry is what holds a child).

   Locks: (l) the vnode's own, RANK_VNODE, sleeps; it also guards the offsets of its open files; (n)
   the spinlock of all places; (a) atomic; (c) constant once others see the vnode; (f) the file
   system's own, for entries and link counts. Nobody holds two of RANK_VNODE, but file_list. None is held by who
   sleeps interruptibly. */
#pragma once

#include <arch/atomic.h>
#include <linux/limits.h>
#include <fs/stat.h>
#include <sched/lock.h>

struct file;
struct file_ops;
struct pagecache;
struct vnode;

/* One mounted file system. */
struct filesystem {
    const char *name;   /* (c) "tmpfs", ... */
    uint64_t dev;       /* (c) the st_dev of its files */
    unsigned magic;     /* (c) statfs(2)'s f_type */
    bool in_memory;     /* (c) its files take up memory */
    uint64_t next_ino;  /* (a) for those that number their files in order of birth */
    struct rwlock tree; /* RANK_VNODE: all its directories' entries and link counts, for those that
                           keep them in memory */
};

struct vnode {
    const struct vnode_ops *ops;           /* (c) */
    const struct file_ops *file_ops;       /* (c) for those who open it */
    struct filesystem *fs;                 /* (c) */
    uint64_t ino;                          /* (c) unique in its file system */
    uint64_t rdev;                         /* (c) of a device: which */
    unsigned refs;                         /* (a) */
    uint32_t mode;                         /* (a) S_IFMT bits, constant; permission bits */
    uint32_t uid, gid;                     /* (a) whose; kept, but nobody is asked for it */
    uint32_t nlink;                        /* (f) names; a directory: 2 and its subdirectories */
    int writers;                           /* (a) n: open for writing n times; -n: n programs */
    uint64_t atime_ns, mtime_ns, ctime_ns; /* (a) since 1970 */
    struct pagecache *cache;               /* (c) NULL: it has no pages and cannot be mapped */
    struct mutex lock;                     /* (l) */

    /* Where it was last placed: a reference on the directory (NULL: nowhere, or a root), the name
       there on the heap (NULL: none), and whether its last name is gone. */
    struct vnode *parent; /* (n) */
    char *name;           /* (n) */
    bool removed;         /* (n) */

    struct vnode *mounted; /* (c) the root that covers this directory, set at boot; or NULL */
    struct vnode *covers;  /* (c) of a root: the directory that it covers; or NULL */
};

/* One name in a directory. */
struct dir_entry {
    char name[NAME_MAX + 1];
    uint64_t ino;
    uint32_t mode;   /* S_IFMT bits only */
    uint64_t cookie; /* its own place in the listing: the next is looked for from here + 1 on */
};

/* What a file system does for its vnodes. Names are those of one component, not empty, not "." or
   "..", at most NAME_MAX bytes. No lock is held on entry, except where it says so; a NULL operation
   is one that is not allowed: the call fails as it does in Linux's /proc. */
struct vnode_ops {
    /* The vnode called `name`. -ENOENT. */
    int (*lookup)(struct vnode *dir, const char *name, struct vnode **child);

    /* Makes a file, directory or device, as the S_IFMT bits of `mode` say. -EEXIST, -ENOENT (dir is
       itself removed), -ENOSPC, -ENOMEM. */
    int (*create)(struct vnode *dir, const char *name, uint32_t mode, uint64_t rdev,
                  struct vnode **child);

    /* Makes a symbolic link to `target`. As create. */
    int (*symlink)(struct vnode *dir, const char *name, const char *target);

    /* The target into `buf`, terminated: its length. */
    int (*readlink)(struct vnode *link, char *buf, size_t size);

    /* Gives `vnode`, of the same file system and no directory, another name. */
    int (*link)(struct vnode *dir, const char *name, struct vnode *vnode);

    /* Takes a name away. -ENOENT; -EISDIR or -ENOTDIR; -ENOTEMPTY; -EBUSY: something is mounted
       there. */
    int (*unlink)(struct vnode *dir, const char *name);
    int (*rmdir)(struct vnode *dir, const char *name);

    /* Moves from_name in from_dir to to_name in to_dir, in one atomic step. An entry that has the
       new name is replaced, or with RENAME_NOREPLACE in `flags` the error is -EEXIST. -EINVAL: the
       directory would be moved into itself. */
    int (*rename)(struct vnode *from_dir, const char *from_name, struct vnode *to_dir,
                  const char *to_name, unsigned flags);

    /* The first entry at or after `cookie` (from DIR_COOKIE_FIRST on): 1; 0 if there is none. */
    int (*readdir)(struct vnode *dir, uint64_t cookie, struct dir_entry *entry);

    /* Makes a regular file `size` bytes long. The vnode's lock is held. */
    int (*truncate)(struct vnode *vnode, uint64_t size);

    /* Adds what only it knows to a stat. */
    void (*stat)(struct vnode *vnode, struct stat *stat);

    /* Frees the vnode, whose last reference is gone. May run under a vspace's lock: takes
       RANK_CACHE and above only. */
    void (*free)(struct vnode *vnode);
};

/* The cookies of "." and ".." are 0 and 1. */
#define DIR_COOKIE_FIRST 2

static inline bool vnode_is_dir(const struct vnode *vnode)
{
    return S_ISDIR(vnode->mode);
}

static inline bool vnode_is_file(const struct vnode *vnode)
{
    return S_ISREG(vnode->mode);
}

static inline bool vnode_is_link(const struct vnode *vnode)
{
    return S_ISLNK(vnode->mode);
}

/* Returns true if somebody may execute the file; then root, who is everybody here, may. */
static inline bool vnode_may_exec(const struct vnode *vnode)
{
    return atomic_load_relaxed(&vnode->mode) & (S_IXUSR | S_IXGRP | S_IXOTH);
}

/* Makes a vnode with one reference, the caller's, out of a zeroed one. ops, file_ops and the rest
   are the caller's to fill in. */
void vnode_init(struct vnode *vnode, struct filesystem *fs, uint32_t mode);

void vnode_get(struct vnode *vnode);
void vnode_put(struct vnode *vnode); /* NULL is allowed */

/* Bytes in a regular file; 0 for all others. Exact for who holds the lock. */
uint64_t vnode_size(const struct vnode *vnode);

/* Says what stat(2) says. */
void vnode_stat(struct vnode *vnode, struct stat *stat);

/* Sets mtime and ctime, or ctime alone, to now. */
void vnode_touch(struct vnode *vnode);
void vnode_touch_ctime(struct vnode *vnode);

/* Remembers that the vnode is called `name` in `parent`; returns -ENOMEM and changes nothing if it
   cannot. */
__must_check int vnode_place(struct vnode *vnode, struct vnode *parent, const char *name);

/* Marks a vnode whose last name is gone. */
void vnode_set_removed(struct vnode *vnode);

/* The directory above, across mount points, with a reference: the root's is the root. */
struct vnode *vnode_parent(struct vnode *dir);

/* The vnode's path from the root, with " (deleted)" behind it if it has none any more, into `buf`:
   its length, -ENAMETOOLONG. A pipe or the like is called by its name. Any lock may be held below
   RANK_PIPE. */
__must_check int vnode_path(struct vnode *vnode, char *buf, size_t size);

/* The same for getcwd(2): -ENOENT if it has no path any more, -ERANGE if it does not fit. */
__must_check int vnode_getcwd(struct vnode *dir, char *buf, size_t size);

/* A file is either open for writing or run as a program.

   vnode_allow_write counts a writer, and fails with -ETXTBSY while a program runs.
   vnode_end_write ends it. */
__must_check int vnode_allow_write(struct vnode *vnode);
void vnode_end_write(struct vnode *vnode);

/* A running program holds its file with a reference and a denial of writing, from exec until it
   exits or calls exec again.

   vnode_exe_begin takes both, and fails with -ETXTBSY while the file is open for writing.
   vnode_exe_get takes both once more for the holder's child. vnode_exe_put drops both; `exe` may
   be NULL. */
__must_check int vnode_exe_begin(struct vnode *vnode);
void vnode_exe_get(struct vnode *exe);
void vnode_exe_put(struct vnode *exe);
