/* A vnode: one file, directory, symbolic link, pipe or device, of any file system.

   Its file system provides the vnode_ops, which deal with names and attributes. The file_ops deal
   with contents; those of a device or a pipe come from elsewhere (fs/file.h). A directory entry is
   not a vnode: lookup returns the vnode with a reference.

   Always true: refs counts the open files, directory entries, working directories, pagers and
   callers that hold the vnode. The last vnode_put frees it, so a vnode with a name is never freed.
   A vnode holds a reference on the directory in which it was last placed; the entry there, not the
   directory, holds the vnode.

   Locks: (l) the vnode's own (RANK_VNODE, sleeps), which also guards the offsets of its open files;
   (n) the spinlock of all places; (a) atomic; (c) constant once the vnode is visible to others; (f)
   the file system's own lock of entries and link counts. No thread but file_list holds two of
   RANK_VNODE, and no thread holds one while it sleeps interruptibly. */
#pragma once

#include <arch/atomic.h>
#include <linux/limits.h>
#include <fs/stat.h>
#include <sched/lock.h>

struct file;
struct filelocks;
struct filesystem;
struct file_ops;
struct pagecache;
struct pipe;
struct vnode;

/* The space of a file system, in blocks of `block_size` bytes, and its files. */
struct fs_usage {
    uint32_t block_size;
    uint64_t blocks, free;
    uint64_t available; /* free, and not kept for root */
    uint64_t files, free_files;
};

/* The operations of a file system as a whole. NULL: there is nothing to do. */
struct filesystem_ops {
    /* Writes its metadata to the device. The pages of files have been written. -EIO, -EINTR. */
    int (*sync)(struct filesystem *fs);

    /* Returns how much space there is. -EINTR: the thread is to be killed. */
    int (*usage)(struct filesystem *fs, struct fs_usage *usage);

    /* Frees a file system that no path leads to any more, and drops the reference on its root.
       -EIO: some of it was not written. It stays after any other error: -EBUSY (a file is in use),
       -ENOMEM, -EINTR. NULL: it cannot be unmounted. */
    int (*unmount)(struct vnode *root);

    /* Lets the file system with this root only be read, or be changed again. -EBUSY: a file is open
       for writing; -EACCES, -EROFS: the device, or what is on it, can only be read; -EIO. After an
       error nothing has changed. NULL: it cannot be done. */
    int (*remount)(struct vnode *root, bool read_only);
};

/* When a read changes the time of access of a file. ATIME_RELATIVE: if the file has changed since
   the last access, or a day has passed. */
enum { ATIME_NEVER, ATIME_RELATIVE, ATIME_ALWAYS };

/* A mounted file system. */
struct filesystem {
    const char *name;                 /* (c) "tmpfs", ... */
    uint64_t dev;                     /* (c) the st_dev of its files */
    unsigned magic;                   /* (c) f_type of statfs(2) */
    bool in_memory;                   /* (c) its files are kept in memory */
    bool read_only;                   /* (a) nothing may change */
    unsigned atime, dir_atime;        /* (a) ATIME_ for files, and for directories */
    const struct filesystem_ops *ops; /* (c) NULL: none */
    uint64_t next_ino; /* (a) for file systems that number files in the order of creation */
    /* RANK_VNODE: all entries and link counts, for file systems that keep them in memory */
    struct rwlock tree;
};

struct vnode {
    const struct vnode_ops *ops;     /* (c) */
    const struct file_ops *file_ops; /* (c) for open files */
    struct filesystem *fs;           /* (c) */
    uint64_t ino;                    /* (c) unique in its file system */
    uint64_t rdev;                   /* (c) the number of a device */
    unsigned refs;                   /* (a) */
    uint32_t mode;                   /* (a) permission bits; the S_IFMT bits are constant */
    uint32_t uid, gid;               /* (a) the owner; every user is root, so it is never checked */
    uint32_t nlink;                  /* (f) names; of a directory 2 and its subdirectories */
    int writers; /* (a) n > 0: open for writing n times; n < 0: run by -n programs */
    uint64_t atime_ns, mtime_ns, ctime_ns; /* (a) since 1970 */
    struct pagecache *cache;               /* (c) NULL: no pages, cannot be mapped */
    struct filelocks *locks;               /* (a) of programs (filelock.c guards it); NULL: none */
    struct mutex lock;                     /* (l) */
    struct pipe *pipe; /* (l) of a pipe or FIFO: its bytes, while it is open; or NULL */

    /* The last place: the directory, with a reference (NULL: none, or a root); the name there,
       on the heap (NULL: none); true if the last name is removed. */
    struct vnode *parent; /* (n) */
    char *name;           /* (n) */
    bool removed;         /* (n) */

    struct vnode *mounted; /* (n) the root that covers this directory, or NULL (fs/mount.h) */
    struct vnode *covers;  /* (n) the directory that this root covers, or NULL */
    bool uncovering;       /* (n) the file system that covers this directory may be about to go */
};

/* An entry of a directory. */
struct dir_entry {
    char name[NAME_MAX + 1];
    uint64_t ino;
    uint32_t mode;   /* S_IFMT bits only */
    uint64_t cookie; /* its place in a listing, which goes on at cookie + 1 */
};

enum vnode_sync { SYNC_ALL, SYNC_DATA };

/* The operations of a file system on its vnodes. A name is one component, not empty, not "." or
   "..", and at most NAME_MAX bytes. No lock is held on entry, unless the operation says so. NULL:
   the operation is not allowed, and the call fails as in Linux's /proc. */
struct vnode_ops {
    /* Finds the vnode called `name`, and takes a reference on it. -ENOENT. */
    int (*lookup)(struct vnode *dir, const char *name, struct vnode **child);

    /* Makes a file, a directory or a device, as the S_IFMT bits of `mode` say. -EEXIST, -ENOENT
       (`dir` is removed), -ENOSPC, -ENOMEM. */
    int (*create)(struct vnode *dir, const char *name, uint32_t mode, uint64_t rdev,
                  struct vnode **child);

    /* Makes a symbolic link to `target`. Errors: those of create. */
    int (*symlink)(struct vnode *dir, const char *name, const char *target);

    /* Writes the target, with a final 0, into `buf`. Returns its length. */
    int (*readlink)(struct vnode *link, char *buf, size_t size);

    /* Finds the vnode to which a link leads without a path, and takes a reference on it: it need
       not have a name. NULL: the link leads along the path that readlink writes. */
    int (*follow)(struct vnode *link, struct vnode **target);

    /* Gives `vnode`, which is no directory and of the same file system, a further name. */
    int (*link)(struct vnode *dir, const char *name, struct vnode *vnode);

    /* Remove a name. -ENOENT; -EISDIR or -ENOTDIR; -ENOTEMPTY; -EBUSY (something is mounted
       there). */
    int (*unlink)(struct vnode *dir, const char *name);
    int (*rmdir)(struct vnode *dir, const char *name);

    /* Moves from_name in from_dir to to_name in to_dir, in one atomic step. An entry that has the
       new name is replaced, or with RENAME_NOREPLACE in `flags` the error is -EEXIST. -EINVAL: the
       directory would be moved into itself. */
    int (*rename)(struct vnode *from_dir, const char *from_name, struct vnode *to_dir,
                  const char *to_name, unsigned flags);

    /* Finds the first entry at or after `cookie`, which is at least DIR_COOKIE_FIRST. Returns 1, or
       0 if there is none. */
    int (*readdir)(struct vnode *dir, uint64_t cookie, struct dir_entry *entry);

    /* Makes a regular file `size` bytes long. The vnode's lock is held. */
    int (*truncate)(struct vnode *vnode, uint64_t size);

    /* Does what fallocate(2) does to the bytes [start, end) of a regular file; the mode is one of
       FALLOC_FL_, and KEEP_SIZE. The vnode's lock is held. -EOPNOTSUPP; -ENOSPC; -EPERM (a seal).
       */
    int (*allocate)(struct vnode *vnode, uint64_t start, uint64_t end, unsigned mode);

    /* Writes to the device what fsync(2) promises beyond the pages of a file, which have been
       written back: attributes, the name, and what the device keeps in a cache of its own.
       SYNC_DATA: only what is needed to read the pages, as fdatasync(2). No lock is held. NULL:
       there is nothing. */
    int (*sync)(struct vnode *vnode, enum vnode_sync how);

    /* Adds the fields that only this file system knows. */
    void (*stat)(struct vnode *vnode, struct stat *stat);

    /* Frees the vnode after its last reference is dropped. May run under a vspace's lock, so it
       takes locks of RANK_CACHE and above only. */
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

/* Returns true if the file system of the vnode may not change. */
static inline bool vnode_is_read_only(const struct vnode *vnode)
{
    return atomic_load(&vnode->fs->read_only);
}

/* Returns true if the file has an execute bit. Every user is root, and root needs only one bit. */
static inline bool vnode_may_exec(const struct vnode *vnode)
{
    return atomic_load_relaxed(&vnode->mode) & (S_IXUSR | S_IXGRP | S_IXOTH);
}

/* Initialises a zeroed vnode with one reference, the caller's. The caller sets ops, file_ops and
   the rest. */
void vnode_init(struct vnode *vnode, struct filesystem *fs, uint32_t mode);

void vnode_get(struct vnode *vnode);

/* Takes a reference, unless the last one is gone. The caller has a lock under which the vnode is
   not freed. */
__must_check bool vnode_get_unless_zero(struct vnode *vnode);
void vnode_put(struct vnode *vnode); /* `vnode` may be NULL */

/* Returns the bytes in a regular file or on a disk, and 0 for all others. Exact if the caller holds
   the lock. */
uint64_t vnode_size(const struct vnode *vnode);

/* Fills in what stat(2) returns. */
void vnode_stat(struct vnode *vnode, struct stat *stat);

/* Writes the dirty pages of [start, end) bytes back, and then what else fsync(2) promises. -EIO,
   -ENOSPC, -EINTR. The caller holds no lock. */
__must_check int vnode_sync(struct vnode *vnode, uint64_t start, uint64_t end, enum vnode_sync how);

/* Makes a file, which has the operation, `size` bytes long. -EFBIG: it would grow to more than
   `limit`. Takes the vnode's lock. */
__must_check int vnode_set_size(struct vnode *vnode, uint64_t size, uint64_t limit);

/* Calls the operation for a file that programs may write. -EFBIG: bytes are to be allocated behind
   `limit` and the end of the file. -ENODEV: it is no regular file; -EOPNOTSUPP. Takes the vnode's
   lock. */
__must_check int vnode_allocate(struct vnode *vnode, uint64_t start, uint64_t end, unsigned mode,
                                uint64_t limit);

/* Sets atime to now, if the rule of the file system says so. After a read. */
void vnode_accessed(struct vnode *vnode);

/* Set mtime and ctime, or ctime alone, to now. */
void vnode_touch(struct vnode *vnode);
void vnode_touch_ctime(struct vnode *vnode);

/* Records that the vnode is called `name` in `parent`. -ENOMEM: nothing has changed. */
__must_check int vnode_place(struct vnode *vnode, struct vnode *parent, const char *name);

/* Marks a vnode whose last name is removed. */
void vnode_set_removed(struct vnode *vnode);

/* Returns the parent directory, across mount points, with a reference. The root is its own
   parent. */
struct vnode *vnode_parent(struct vnode *dir);

/* Let `root` cover the directory `dir`, and end that. The caller holds a reference on both. */
void vnode_cover(struct vnode *dir, struct vnode *root);
void vnode_uncover(struct vnode *dir);

/* Marks a directory whose cover may be about to go. Until the mark is taken off, or the cover is
   gone, vnode_get_mounted returns false. */
void vnode_set_uncovering(struct vnode *dir, bool uncovering);

/* Finds the root that covers `dir` (NULL: none), and takes a reference on it. */
__must_check bool vnode_get_mounted(struct vnode *dir, struct vnode **root);

/* Writes the vnode's path from the root into `buf`. A removed file has " (deleted)" behind its last
   path, and a pipe has only its name. Returns the length; -ENAMETOOLONG. The caller may hold locks
   below RANK_PIPE. */
__must_check int vnode_path(struct vnode *vnode, char *buf, size_t size);

/* Writes the last name of the vnode, removed or not, into `buf`, cut off at its size. -ENOENT: it
   never had one. */
__must_check int vnode_name(struct vnode *vnode, char *buf, size_t size);

/* Writes the path as getcwd(2) does. -ENOENT: the directory is removed; -ERANGE: it does not
   fit. */
__must_check int vnode_getcwd(struct vnode *dir, char *buf, size_t size);

/* Keep writers and programs apart. vnode_allow_write counts a writer, and fails with -ETXTBSY while
   a program runs from the file. vnode_begin_write also fails with -EROFS if the file system can
   only be read; the check comes after the count, for filesystem_ops.remount. vnode_end_write ends
   it. */
__must_check int vnode_allow_write(struct vnode *vnode);
__must_check int vnode_begin_write(struct vnode *vnode);
void vnode_end_write(struct vnode *vnode);

/* Hold the file of a running program, with a reference and a denial of writing, from exec until the
   process exits or calls exec again.

   vnode_exe_begin takes both, and fails with -ETXTBSY while the file is open for writing.
   vnode_exe_get takes both once more for a child. vnode_exe_put drops both; `exe` may be NULL. */
__must_check int vnode_exe_begin(struct vnode *vnode);
void vnode_exe_get(struct vnode *exe);
void vnode_exe_put(struct vnode *exe);
