/* Crashes: what must be on a disk of ext2 when the machine stops at any moment.

   The test makes files, writes, syncs, renames and removes them, and notes what each name may be
   after a crash:

       fsync of a file     the name shows what was written
       a rename over it    the old file or the new one, and nothing else
       a rename            one of the two names shows the file
       removed             the file, or nothing
       written, no fsync   a file with any contents

   All writes since the last flush are kept apart. At some of them, the test saves an image of the
   flushed disk with a random part of these writes, PREFIX-N.crash, and the list of what the names
   may be, PREFIX-N.facts. The caller has e2fsck repair the image, and has crash_check look at it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/errno.h>
#include <ext2/ext2.h>
#include <fs/pagecache.h>
#include <fs/vfs.h>
#include "ext2_disk.h"
#include "ext2_ours.h"
#include "platform.h"

#define NAMES    48u
#define STATES   8u
#define CONTENT  40000u /* the most bytes of a file */
#define PENDING  16384u
#define NO_FILE  0u
#define ANY_FILE ~0u /* a file with any contents */

/* What a name may be after a crash. A state is NO_FILE, ANY_FILE, or a version of contents. */
struct name {
    unsigned states[STATES], count;
    unsigned current; /* what it is in memory: NO_FILE or a version */
};

/* A file that was renamed, and must have one of its names. */
struct pair {
    unsigned from, to, version; /* version 0: there is none */
};

/* A write that is not flushed. */
struct write {
    uint64_t offset;
    uint32_t len;
    char *bytes;
};

static struct name names[NAMES];
static struct pair pair;
static unsigned last_version;

static char *flushed, *crashed; /* the disk as of the last flush; an image to be saved */
static struct write pending[PENDING];
static unsigned npending, ncrashes, one_in;
static const char *prefix;

/* ---- Names and contents ---- */

/* Writes the path of a name. It is long, so that a directory has several blocks. */
static const char *path_of(unsigned n)
{
    static char paths[2][200];
    static unsigned turn;
    char *path = paths[++turn % 2];

    sprintf(path, "d%u/file-%u-%0100u", n % 3, n, n);
    return path;
}

static size_t length_of(unsigned version)
{
    return version * 7919u % CONTENT;
}

static void content_fill(char *bytes, unsigned version)
{
    for (size_t i = 0; i < length_of(version); i++)
        bytes[i] = version * 31 + i * 7 + i / 256;
}

static void may_be(unsigned n, unsigned state)
{
    struct name *name = &names[n];

    if (name->count == STATES) { /* too many to remember: anything is allowed */
        name->states[0] = NO_FILE;
        name->states[1] = ANY_FILE;
        name->count = 2;
    }
    name->states[name->count++] = state;
}

static void must_be(unsigned n, unsigned state)
{
    names[n].states[0] = state;
    names[n].count = 1;
}

/* Forgets the pair if an operation touches it. */
static void touch(unsigned n)
{
    if (pair.from == n || pair.to == n)
        pair.version = 0;
}

/* ---- The disk ---- */

static void facts_save(const char *path)
{
    FILE *facts = fopen(path, "w");

    fprintf(facts, "%u %u %u\n", pair.from, pair.to, pair.version);
    for (unsigned n = 0; n < NAMES; n++) {
        fprintf(facts, "%u", names[n].count);
        for (unsigned i = 0; i < names[n].count; i++)
            fprintf(facts, " %u", names[n].states[i]);
        fprintf(facts, "\n");
    }
    fclose(facts);
}

static void crash_save(void)
{
    char path[400];
    unsigned part = pick(4); /* none, a third, two thirds or all of the writes */

    memcpy(crashed, flushed, disk_size);
    for (unsigned n = 0; n < npending; n++)
        if (pick(3) < part)
            memcpy(crashed + pending[n].offset, pending[n].bytes, pending[n].len);
    snprintf(path, sizeof(path), "%s-%u.crash", prefix, ncrashes);
    disk_save(path, crashed);
    snprintf(path, sizeof(path), "%s-%u.facts", prefix, ncrashes++);
    facts_save(path);
}

static void writes_flush(void)
{
    for (unsigned n = 0; n < npending; n++) {
        memcpy(flushed + pending[n].offset, pending[n].bytes, pending[n].len);
        free(pending[n].bytes);
    }
    npending = 0;
}

static void write_note(const struct block_part *part)
{
    if (!part) {
        if (pick(one_in) == 0)
            crash_save();
        writes_flush();
        return;
    }
    check(npending < PENDING, "too many writes without a flush");
    struct write *write = &pending[npending++];
    *write = (struct write){.offset = part->sector * BLOCK_SECTOR, .len = part->len};
    write->bytes = malloc(part->len);
    memcpy(write->bytes, (char *)frame_to_virt(part->frame) + part->offset, part->len);
    if (pick(one_in) == 0)
        crash_save();
}

/* ---- Operations ---- */

static void must_succeed(int err)
{
    check(err == 0, "an operation fails with %d", err);
}

static void sync_name(unsigned n)
{
    must_succeed(our_sync(path_of(n)));
    must_be(n, names[n].current);
    touch(n);
}

/* Writes a new version of a file, which is made if need be. */
static void write_name(unsigned n)
{
    static char bytes[CONTENT];
    unsigned version = ++last_version;

    touch(n);
    may_be(n, ANY_FILE);
    if (names[n].current == NO_FILE)
        must_succeed(vfs_make(vfs_root, path_of(n), S_IFREG | 0644, 0));
    else
        must_succeed(our_truncate(path_of(n), 0));
    content_fill(bytes, version);
    ssize_t done = our_transfer(path_of(n), bytes, length_of(version), 0, true);
    check(done == (ssize_t)length_of(version), "a write returns %ld", done);
    names[n].current = version;
}

/* Moves a file that is synced to another name, which may be one of a file. */
static void rename_name(unsigned from, unsigned to)
{
    unsigned version = names[from].current;

    if (from == to || version == NO_FILE)
        return;
    sync_name(from);
    touch(to);
    may_be(to, version);
    may_be(from, NO_FILE);
    pair = (struct pair){.from = from, .to = to, .version = version};
    must_succeed(vfs_rename(vfs_root, path_of(from), vfs_root, path_of(to), 0));
    names[to].current = version;
    names[from].current = NO_FILE;
}

static void remove_name(unsigned n)
{
    if (names[n].current == NO_FILE)
        return;
    touch(n);
    may_be(n, NO_FILE);
    must_succeed(vfs_unlink(vfs_root, path_of(n)));
    names[n].current = NO_FILE;
}

/* Writes the directory of a name, so that no old name comes back. */
static void sync_dir(unsigned n)
{
    char dir[] = {'d', '0' + n % 3, '\0'};

    must_succeed(our_sync(dir));
    for (unsigned other = n % 3; other < NAMES; other += 3)
        if (names[other].current == NO_FILE)
            must_be(other, NO_FILE);
}

static void crash_step(void)
{
    unsigned n = pick(NAMES);

    switch (pick(12)) {
    case 0:
        remove_name(n);
        break;
    case 1:
        sync_dir(n);
        break;
    case 2:
    case 3:
    case 4:
        rename_name(n, pick(NAMES));
        break;
    case 5:
    case 6:
        if (names[n].current != NO_FILE)
            sync_name(n);
        break;
    case 7:
    case 8:
        for (unsigned i = 0; i < 5; i++)
            operate(); /* something else, so that blocks change their owners */
        break;
    default:
        write_name(n);
        break;
    }
}

int crash_make(struct block_device *device, const char *path, unsigned crashes)
{
    char dir[] = "d0";

    prefix = path;
    one_in = 30;
    flushed = malloc(disk_size);
    crashed = malloc(disk_size);
    must_succeed(ext2_mount(device, false, &vfs_root));
    for (; dir[1] < '3'; dir[1]++)
        must_succeed(vfs_make(vfs_root, dir, S_IFDIR | 0755, 0));
    must_succeed(our_sync("."));
    for (unsigned n = 0; n < NAMES; n++)
        must_be(n, NO_FILE);
    memcpy(flushed, disk_bytes, disk_size);
    disk_write_hook = write_note;
    while (ncrashes < crashes)
        crash_step();
    disk_write_hook = NULL;
    our_unmount();
    return 0;
}

/* ---- The check ---- */

/* Returns true if the name has this state. */
static bool is_in_state(unsigned n, unsigned state)
{
    static char bytes[CONTENT + 1], expected[CONTENT + 1];
    ssize_t len = our_transfer(path_of(n), bytes, sizeof(bytes), 0, false);

    if (state == NO_FILE)
        return len == -ENOENT;
    if (state == ANY_FILE)
        return len >= 0;
    content_fill(expected, state);
    return len == (ssize_t)length_of(state) && memcmp(bytes, expected, len) == 0;
}

static void check_name(FILE *facts, unsigned n)
{
    unsigned count, state, last = 0;
    bool is_ok = false;

    check(fscanf(facts, "%u", &count) == 1, "the facts end early");
    for (unsigned i = 0; i < count; i++) {
        check(fscanf(facts, "%u", &state) == 1, "the facts end early");
        is_ok |= is_in_state(n, state);
        last = state;
    }
    check(is_ok, "%s has none of its %u states, the last of which is %d", path_of(n), count,
          (int)last);
}

int crash_check(struct block_device *device, const char *path)
{
    FILE *facts = fopen(path, "r");

    must_succeed(ext2_mount(device, true, &vfs_root));
    check(facts && fscanf(facts, "%u %u %u", &pair.from, &pair.to, &pair.version) == 3,
          "no facts in %s", path);
    check(pair.version == 0 || is_in_state(pair.from, pair.version) ||
              is_in_state(pair.to, pair.version),
          "version %u is neither %s nor %s", pair.version, path_of(pair.from), path_of(pair.to));
    for (unsigned n = 0; n < NAMES; n++)
        check_name(facts, n);
    fclose(facts);
    our_unmount();
    return 0;
}
