/* /proc/sysvipc: the segments of System V shared memory. */

#include <proc/shm.h>
#include "files.h"

/* Prints a line for each segment, as it is when its turn comes. */
int procfs_shm(struct text_sink *sink, uint64_t key __unused)
{
    struct shm_status status;

    sink_printf(sink, "%10s %10s %5s %21s %5s %5s %6s %5s %5s %5s %5s %10s %10s %10s %21s %21s\n",
                "key", "shmid", "perms", "size", "cpid", "lpid", "nattch", "uid", "gid", "cuid",
                "cgid", "atime", "dtime", "ctime", "rss", "swap");
    for (int index = 0; (index = shm_stat_from(index, &status)) >= 0; index++) {
        const struct shmid64_ds *segment = &status.segment;
        const struct ipc64_perm *perm = &segment->shm_perm;

        sink_printf(sink, "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u ", perm->key,
                    status.id, perm->mode, segment->shm_segsz, segment->shm_cpid, segment->shm_lpid,
                    segment->shm_nattch, perm->uid, perm->gid, perm->cuid, perm->cgid);
        sink_printf(sink, "%10lu %10lu %10lu %21lu %21lu\n", segment->shm_atime, segment->shm_dtime,
                    segment->shm_ctime, status.resident << PAGE_SHIFT, 0ul);
    }
    return 0;
}
