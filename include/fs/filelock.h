/* Locks that programs take on files: record locks of fcntl(2), and flock(2). They bind only the
   programs that ask for them.

   A record lock has an owner. That is a process, known by its descriptor table, or with the F_OFD_
   commands of fcntl an open file. A flock has an open file as its owner. Locks of fcntl and flock
   do not see each other. */
#pragma once

#include <fs/file.h>

/* The owner's pid, of a lock whose owner is an open file. */
#define FILELOCK_OPEN_FILE (-1)

/* A record lock, or a request for one. */
struct record_lock {
    int64_t start, end; /* bytes; `end` is the last one, INT64_MAX for all that will ever be */
    short kind;         /* F_RDLCK, F_WRLCK; F_UNLCK: none */
    const void *owner;  /* a descriptor table or an open file; only compared */
    int pid;            /* of the owner, or FILELOCK_OPEN_FILE */
};

enum filelock_wait { FILELOCK_TRY, FILELOCK_WAIT };

/* Finds a lock that stands in the way of `wanted`; if its kind is F_UNLCK, a lock of its owner in
   that range. The result's kind is F_UNLCK if there is none. */
struct record_lock filelock_test(struct vnode *vnode, const struct record_lock *wanted);

/* Takes a record lock, or changes or drops those of the owner in its range. Errors: -EAGAIN (with
   FILELOCK_TRY), -EINTR, -ENOLCK (out of memory), -EDEADLK: the owner is a process, and a process
   in its way waits for it. The caller has a reference on the vnode, and no lock. */
__must_check int filelock_set(struct vnode *vnode, const struct record_lock *wanted,
                              enum filelock_wait wait);

/* Takes or drops the flock of an open file; `kind` is LOCK_SH, LOCK_EX or LOCK_UN. To change the
   kind, the old lock is dropped first, as on Linux. Errors: -EAGAIN, -EINTR, -ENOLCK. */
__must_check int filelock_flock(struct file *file, unsigned kind, enum filelock_wait wait);

/* Drops the record locks of an owner on a file: POSIX wants that when a process closes any
   descriptor of the file. The caller holds no lock. */
void filelock_drop_records(struct vnode *vnode, const void *owner);

/* Drops all locks whose owner is this open file, when it is closed. The caller holds no lock. */
void filelock_drop_file(struct file *file);
