/* System V shared memory: segments that processes find by a number or a key, for shmget(2),
   shmat(2), shmdt(2) and shmctl(2).

   A segment is a file without a name (fs/shmem.h), which a process maps whole. It stays until it is
   removed, whether a process maps it or not. A removed segment has no key, and goes when the last
   region that shows it goes. The id of a segment is an index and a sequence number, so that an old
   id does not name a new segment. Permissions are kept, and have no effect: every user is root. */
#pragma once

#include <asm/shmbuf.h>
#include <linux/ipc.h>
#include <vm/vspace.h>

/* The header of Linux that has these needs the C library, as far as it has them. */
#define SHM_HUGETLB  04000 /* of shmget */
#define SHM_RDONLY   010000
#define SHM_RND      020000
#define SHM_REMAP    040000
#define SHM_EXEC     0100000
#define SHM_LOCK     11 /* commands of shmctl */
#define SHM_UNLOCK   12
#define SHM_STAT     13
#define SHM_INFO     14
#define SHM_STAT_ANY 15
#define SHM_DEST     01000 /* bits of the mode: removed, but attached; locked */
#define SHM_LOCKED   02000

#define SHM_MIN_BYTES    1ul
#define SHM_MAX_BYTES    (UINT64_MAX - (1ul << 24)) /* of a segment */
#define SHM_MAX_PAGES    (UINT64_MAX - (1ul << 24)) /* of all; they cannot have as many */
#define SHM_MAX_SEGMENTS 4096u

/* Finds the segment with the key, or makes one of `size` bytes: shmget(2). Returns its id. -EEXIST,
   -ENOENT; -EINVAL (no such size, or the segment is smaller); -ENOSPC (SHM_MAX_SEGMENTS); -ENOMEM.
   */
__must_check int shm_get(int key, uint64_t size, unsigned flags);

/* Maps the segment into the current process. The caller sets start, prot, no_write, fixed and
   no_replace of the request. Returns the address and the length in `start` and `len`. -EINVAL (no
   such segment, or no_replace and something is there); otherwise as vspace_map. */
__must_check int shm_attach(int id, struct map_request *request, uaddr_t *start);

/* Returns the file whose pages `pager` gives, be it that of a segment or any other; NULL: there is
   none. The caller has a reference on the pager. */
struct vnode *shm_vnode(struct pager *pager);

/* Unmaps what is left of the segment that was attached at `addr`, in as many regions as it has
   become. -EINVAL: no such region. -ENOMEM: the regions before the one that failed are unmapped. */
__must_check int shm_detach(uaddr_t addr);

struct shm_status {
    int id;
    uint64_t resident; /* pages */
    struct shmid64_ds segment;
};

/* Copies what is known of a segment. -EINVAL: there is none with that id, or with that index. */
__must_check int shm_stat(int id, struct shm_status *status);
__must_check int shm_stat_index(int index, struct shm_status *status);

/* Copies what is known of the first segment whose index is `index` or above. Returns its index; -1:
   there is none. */
int shm_stat_from(int index, struct shm_status *status);

/* Changes of a segment: its owner and permission bits; SHM_LOCKED, which is only told, as nothing
   is swapped; its removal. -EINVAL: there is no such segment. */
__must_check int shm_set_owner(int id, const struct ipc64_perm *like);
__must_check int shm_set_locked(int id, bool locked);
__must_check int shm_remove(int id);

/* All segments together. */
struct shm_sum {
    unsigned segments;
    int last_index;           /* the highest; 0 if there is none */
    uint64_t pages, resident; /* promised, and in memory */
};
struct shm_sum shm_sum(void);
