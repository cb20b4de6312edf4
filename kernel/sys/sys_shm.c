/* System V shared memory: shmget, shmat, shmdt, shmctl. There are no semaphores and no messages of
   System V. */

#include <linux/errno.h>
#include <proc/process.h>
#include <proc/shm.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>
#include "populate.h"

SYSCALL3(sys_shmget, int, key, uint64_t, size, unsigned, flags)
{
    return shm_get(key, size, flags);
}

/* Checks the address of shmat, and rounds it down if SHM_RND asks for it. -EINVAL. */
static int place(struct map_request *request, uaddr_t addr, unsigned flags)
{
    bool rounds = flags & SHM_RND, replaces = flags & SHM_REMAP;

    request->start = rounds ? page_floor(addr) : addr;
    request->fixed = addr;
    request->no_replace = !replaces;
    if (request->start % PAGE_SIZE)
        return -EINVAL;
    return replaces && !request->start ? -EINVAL : 0;
}

SYSCALL3(sys_shmat, int, id, uaddr_t, addr, unsigned, flags)
{
    bool writes = !(flags & SHM_RDONLY);
    struct map_request request = {
        .prot = PROT_R | (writes ? PROT_W : 0) | (flags & SHM_EXEC ? PROT_X : 0),
        .no_write = !writes,
    };
    uaddr_t start;
    int err = place(&request, addr, flags);

    if (!err)
        err = shm_attach(id, &request, &start);
    if (err)
        return err;
    populate_locked_parts(start, request.len);
    return (long)start;
}

SYSCALL1(sys_shmdt, uaddr_t, addr)
{
    return addr % PAGE_SIZE ? -EINVAL : shm_detach(addr);
}

static long put_limits(void __user *to)
{
    const struct shminfo64 info = {
        .shmmax = SHM_MAX_BYTES,
        .shmmin = SHM_MIN_BYTES,
        .shmmni = SHM_MAX_SEGMENTS,
        .shmseg = SHM_MAX_SEGMENTS,
        .shmall = SHM_MAX_PAGES,
    };
    int err = copy_to_user(to, &info, sizeof(info));

    return err ? err : shm_sum().last_index;
}

/* What SHM_INFO fills in. */
struct shm_info {
    int used_ids;
    uint64_t shm_tot, shm_rss, shm_swp; /* pages */
    uint64_t swap_attempts, swap_successes;
};

static long put_sum(void __user *to)
{
    struct shm_sum sum = shm_sum();
    struct shm_info info = {};

    info.used_ids = sum.segments;
    info.shm_tot = sum.pages;
    info.shm_rss = sum.resident;
    int err = copy_to_user(to, &info, sizeof(info));
    return err ? err : sum.last_index;
}

/* Returns `result` if the status of the segment could be copied to the user. */
static long put_status(void __user *to, const struct shm_status *status, int result)
{
    int err = copy_to_user(to, &status->segment, sizeof(status->segment));

    return err ? err : result;
}

static long set_status(int id, const void __user *from)
{
    struct shmid64_ds like;
    int err = copy_from_user(&like, from, sizeof(like));

    return err ? err : shm_set_owner(id, &like.shm_perm);
}

SYSCALL3(sys_shmctl, int, id, int, command, void __user *, buf)
{
    struct shm_status status;
    int err;

    if (id < 0)
        return -EINVAL;
    switch (command) {
    case IPC_INFO:
        return put_limits(buf);
    case SHM_INFO:
        return put_sum(buf);
    case IPC_STAT:
        err = shm_stat(id, &status);
        return err ? err : put_status(buf, &status, 0);
    case SHM_STAT:
    case SHM_STAT_ANY:
        err = shm_stat_index(id, &status);
        return err ? err : put_status(buf, &status, status.id);
    case IPC_SET:
        return set_status(id, buf);
    case SHM_LOCK:
    case SHM_UNLOCK:
        return shm_set_locked(id, command == SHM_LOCK);
    case IPC_RMID:
        return shm_remove(id);
    default:
        return -EINVAL;
    }
}
