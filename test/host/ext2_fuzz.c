/* Damaged images of ext2: random bytes where they are likely to matter. Operations may fail, but
   nothing else may happen. Each seed is one damaged image. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#include <ext2/ext2.h>
#include <fs/pagecache.h>
#include <mm/heap.h>
#include "../../kernel/ext2/layout.h"
#include "ext2_disk.h"
#include "ext2_ours.h"
#include "platform.h"

pid_t waitpid(pid_t pid, int *status, int options); /* sys/wait.h brings Linux's siginfo */

/* Returns a random place on the disk where damage is likely to matter. */
static size_t pick_place(const struct ext2_super *super)
{
    size_t block_size = 1024u << super->s_log_block_size;
    const struct ext2_descriptor *groups =
        (const void *)(disk_bytes + (super->s_first_data_block + 1) * block_size);

    switch (pick(5)) {
    case 0:
        return EXT2_SUPER_OFFSET + pick(pick(2) ? 256 : EXT2_SUPER_SIZE);
    case 1:
        return (char *)groups - disk_bytes + pick(64);
    case 2:
        return groups->bg_inode_table * block_size + super->s_inode_size * pick(64) + pick(128);
    case 3:
        return groups->bg_block_bitmap * block_size + pick(4 * block_size);
    default:
        return pick(disk_size / 512) * 512 + pick(512);
    }
}

/* Returns a number that could be one of a block, a length or an inode, or none at all. */
static uint32_t pick_number(void)
{
    static const uint32_t numbers[] = {0, 1, 2, 3, 8, 12, 0xff, 0x7fff, 0xffff, 0x7fffffff, ~0u};

    if (pick(3) == 0)
        return numbers[pick(ARRAY_SIZE(numbers))];
    return pick(2) ? pick(4096) : (uint32_t)random_next(&random_state);
}

static void damage(void)
{
    const struct ext2_super *super = (const void *)(disk_bytes + EXT2_SUPER_OFFSET);
    struct ext2_super whole = *super;
    static const size_t lengths[] = {1, 2, 4};

    for (unsigned n = 1 + pick(6); n > 0; n--) {
        size_t place = pick_place(&whole);
        uint32_t number = pick_number();
        if (pick(4))
            place -= place % 4;
        if (place + sizeof(number) <= disk_size)
            memcpy(disk_bytes + place, &number, lengths[pick(3)]);
    }
}

/* Reads a directory and everything in it, up to a depth. */
static void read_all(struct vnode *dir, unsigned depth)
{
    struct dir_entry entry = {.cookie = DIR_COOKIE_FIRST - 1};
    char bytes[4096];
    struct vnode *child;

    for (unsigned n = 0; n < 200 && dir->ops->readdir(dir, entry.cookie + 1, &entry) > 0; n++) {
        if (dir->ops->lookup(dir, entry.name, &child))
            continue;
        if (vnode_is_file(child))
            for (unsigned at = 0; at < 20; at++)
                (void)!pagecache_read_kernel(child->cache, (uint64_t)at * at * at * 4096, bytes,
                                             sizeof(bytes));
        else if (vnode_is_link(child))
            (void)child->ops->readlink(child, bytes, sizeof(bytes));
        else if (vnode_is_dir(child) && depth > 0)
            read_all(child, depth - 1);
        vnode_put(child);
    }
}

static void fuzz_round(struct block_device *device, uint64_t seed)
{
    uint64_t before = heap_usage();

    random_state = random_from(seed);
    disk_restore();
    damage();
    alarm(60);
    if (ext2_mount(device, pick(4) == 0, &vfs_root) == 0) {
        read_all(vfs_root, 4);
        for (unsigned n = 0; n < 60; n++)
            operate();
        our_unmount();
    }
    check(heap_usage() == before, "%lu bytes of the heap are lost", heap_usage() - before);
    check(frame_usage(FRAME_CACHE) == 0 && frame_usage(FRAME_KERNEL) == 0,
          "%lu pages of files and %lu buffers are lost", frame_usage(FRAME_CACHE),
          frame_usage(FRAME_KERNEL));
}

/* Runs rounds in a process of its own, which leaves the number of the last one in *seed. */
static int fuzz_rounds(struct block_device *device, volatile uint64_t *seed, time_t end)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        platform_quiet = true;
        for (; time(NULL) < end; ++*seed)
            fuzz_round(device, *seed);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return status;
}

int fuzz(struct block_device *device, uint64_t first, unsigned seconds)
{
    volatile uint64_t *seed =
        mmap(NULL, sizeof(*seed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    *seed = first;
    int status = fuzz_rounds(device, seed, time(NULL) + seconds);
    if (status == 0) {
        printf("ok - ext2: %lu damaged images, seed %lu\n", *seed - first, first);
        return 0;
    }
    printf("not ok - ext2: the damaged image of seed %lu; once more:\n", *seed);
    fflush(stdout);
    fuzz_round(device, *seed);
    return 1;
}
