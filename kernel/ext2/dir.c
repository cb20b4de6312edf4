/* Directories: blocks that are full of entries.

       +-------------+-------------+----------------------+------+
       | inode 12    | inode 0     | inode 14             |      |
       | rec_len 12  | rec_len 16  | rec_len 28           | ...  |
       | "."         | (free)      | "lib" and free space |      |
       +-------------+-------------+----------------------+------+

   The rec_len of an entry leads to the next one, and the last one ends with its block. An entry
   that is removed adds its space to the one before it, so other entries stay where they are, and a
   listing can go on at an offset.

   Always true: a directory has no holes. A search costs time in proportion to the directory. A hash
   tree (dir_index) is hidden in entries that look free; a change removes the mark that it is there.

   Lock: ext2.lock. Entries are checked each time when they are read. */
#include <linux/errno.h>
#include <lib/panic.h>
#include <lib/string.h>
#include "ext2.h"

/* Returns the bytes that an entry needs for a name of `len` bytes. */
static uint32_t dirent_size(uint32_t len)
{
    return round_up((uint32_t)sizeof(struct ext2_dirent) + len, 4u);
}

/* Returns the bytes that an entry uses itself. */
static uint32_t dirent_used(const struct ext2_dirent *entry)
{
    return entry->inode ? dirent_size(entry->name_len) : 0;
}

static uint64_t dir_blocks(const struct ext2_node *dir)
{
    return dir->size >> ext2_of(&dir->vnode)->block_shift;
}

static int dir_block_read(struct ext2_node *dir, uint64_t index, struct ext2_buffer **buffer)
{
    struct ext2 *fs = ext2_of(&dir->vnode);
    uint32_t block;
    int err = ext2_map_find(dir, index, &block);

    if (err)
        return err;
    if (block == 0)
        return ext2_damaged(fs, "a hole in the directory", dir->vnode.ino);
    return ext2_buffer_read(fs, block, buffer);
}

/* Returns the entry at byte `at` of a block, or NULL if it cannot be one. */
static struct ext2_dirent *dirent_at(struct ext2 *fs, const struct ext2_buffer *buffer, uint32_t at)
{
    struct ext2_dirent *entry = (struct ext2_dirent *)(buffer->data + at);
    uint32_t room = fs->block_size - at;

    if (room < sizeof(*entry) || entry->rec_len % 4 || entry->rec_len > room ||
        entry->rec_len < dirent_size(entry->name_len) || (entry->inode && entry->name_len == 0) ||
        entry->inode > fs->super.s_inodes_count)
        return NULL;
    return entry;
}

static bool is_name(const struct ext2_dirent *entry, const char *name, size_t len)
{
    return entry->inode && entry->name_len == len && memcmp(entry->name, name, len) == 0;
}

static bool is_dots(const struct ext2_dirent *entry)
{
    return is_name(entry, ".", 1) || is_name(entry, "..", 2);
}

/* What a search through a directory looks for. */
struct dir_search {
    const char *name; /* an entry of this name; or NULL: any used one but "." and "..", ... */
    size_t len;
    uint64_t from; /* ... at or after this byte */
};

static bool is_match(const struct dir_search *search, const struct ext2_dirent *entry,
                     uint64_t offset)
{
    if (search->name)
        return is_name(entry, search->name, search->len);
    return entry->inode && offset >= search->from && !is_dots(entry);
}

/* Searches one block. Returns 1 if it found an entry; then the slot has the buffer. */
static int search_block(struct ext2_node *dir, uint64_t index, const struct dir_search *search,
                        struct ext2_slot *slot)
{
    struct ext2 *fs = ext2_of(&dir->vnode);
    struct ext2_dirent *before = NULL, *entry;
    struct ext2_buffer *buffer;
    int err = dir_block_read(dir, index, &buffer);

    if (err)
        return err;
    for (uint32_t at = 0; at < fs->block_size; at += entry->rec_len) {
        uint64_t offset = (index << fs->block_shift) + at;
        entry = dirent_at(fs, buffer, at);
        if (!entry) {
            err = ext2_damaged(fs, "an entry in the directory", dir->vnode.ino);
            break;
        }
        if (is_match(search, entry, offset)) {
            *slot = (struct ext2_slot){
                .buffer = buffer, .entry = entry, .before = before, .offset = offset};
            return 1;
        }
        before = entry;
    }
    ext2_buffer_put(fs, buffer);
    return err;
}

/* Searches the blocks from `index` on. Returns 1 if it found an entry, 0 if there is none. */
static int search_dir(struct ext2_node *dir, uint64_t index, const struct dir_search *search,
                      struct ext2_slot *slot)
{
    int found = 0;

    assert(mutex_is_held(&ext2_of(&dir->vnode)->lock));
    for (; index < dir_blocks(dir) && found == 0; index++)
        found = search_block(dir, index, search, slot);
    return found;
}

int ext2_dir_find(struct ext2_node *dir, const char *name, struct ext2_slot *slot)
{
    struct dir_search search = {.name = name, .len = strlen(name)};
    int found = search_dir(dir, 0, &search, slot);

    return found > 0 ? 0 : found ? found : -ENOENT;
}

int ext2_dir_next(struct ext2_node *dir, uint64_t offset, struct ext2_slot *slot)
{
    struct dir_search search = {.from = offset};

    return search_dir(dir, offset >> ext2_of(&dir->vnode)->block_shift, &search, slot);
}

int ext2_dir_is_empty(struct ext2_node *dir)
{
    struct ext2_slot slot;
    int found = ext2_dir_next(dir, 0, &slot);

    if (found > 0)
        ext2_buffer_put(ext2_of(&dir->vnode), slot.buffer);
    return found < 0 ? found : !found;
}

static uint8_t type_of_mode(const struct ext2 *fs, uint32_t mode)
{
    if (!(fs->super.s_feature_incompat & EXT2_INCOMPAT_FILETYPE))
        return 0;
    switch (mode & S_IFMT) {
    case S_IFREG:
        return EXT2_FT_REG;
    case S_IFDIR:
        return EXT2_FT_DIR;
    case S_IFCHR:
        return EXT2_FT_CHR;
    case S_IFBLK:
        return EXT2_FT_BLK;
    case S_IFIFO:
        return EXT2_FT_FIFO;
    case S_IFSOCK:
        return EXT2_FT_SOCK;
    case S_IFLNK:
        return EXT2_FT_SYMLINK;
    default:
        return EXT2_FT_UNKNOWN;
    }
}

uint32_t ext2_dirent_mode(const struct ext2 *fs, const struct ext2_dirent *entry)
{
    static const uint32_t modes[] = {
        [EXT2_FT_REG] = S_IFREG,     [EXT2_FT_DIR] = S_IFDIR,  [EXT2_FT_CHR] = S_IFCHR,
        [EXT2_FT_BLK] = S_IFBLK,     [EXT2_FT_FIFO] = S_IFIFO, [EXT2_FT_SOCK] = S_IFSOCK,
        [EXT2_FT_SYMLINK] = S_IFLNK,
    };

    if (!(fs->super.s_feature_incompat & EXT2_INCOMPAT_FILETYPE) ||
        entry->file_type >= ARRAY_SIZE(modes))
        return 0;
    return modes[entry->file_type];
}

/* Fills in an entry, which keeps its rec_len. */
static void dirent_set(const struct ext2 *fs, struct ext2_dirent *entry, const char *name,
                       uint32_t ino, uint32_t mode)
{
    size_t len = strlen(name);

    entry->inode = ino;
    entry->name_len = len;
    entry->file_type = type_of_mode(fs, mode);
    memcpy(entry->name, name, len);
}

/* Notes a change of entries: a hash tree would not be right any more. */
static void dir_changed(struct ext2_node *dir, struct ext2_buffer *buffer)
{
    dir->flags &= ~EXT2_FLAG_INDEX;
    ext2_buffer_dirty(ext2_of(&dir->vnode), buffer);
    vnode_touch(&dir->vnode);
}

/* Splits the free space off an entry. Returns the new, free entry. */
static struct ext2_dirent *dirent_split(struct ext2_dirent *entry)
{
    uint32_t used = dirent_used(entry);
    struct ext2_dirent *rest = (struct ext2_dirent *)((char *)entry + used);

    if (used == 0)
        return entry;
    *rest = (struct ext2_dirent){.rec_len = entry->rec_len - used};
    entry->rec_len = used;
    return rest;
}

/* Finds the first entry in a block with room for `size` more bytes. Returns 1 if there is one. */
static int find_room_in_block(struct ext2_node *dir, uint64_t index, uint32_t size,
                              struct ext2_slot *slot)
{
    struct ext2 *fs = ext2_of(&dir->vnode);
    struct ext2_dirent *entry;
    bool is_full = true;
    int err = dir_block_read(dir, index, &slot->buffer);

    if (err)
        return err;
    for (uint32_t at = 0; at < fs->block_size; at += entry->rec_len) {
        entry = dirent_at(fs, slot->buffer, at);
        if (!entry) {
            err = ext2_damaged(fs, "an entry in the directory", dir->vnode.ino);
            break;
        }
        uint32_t room = entry->rec_len - dirent_used(entry);
        if (room >= size) {
            slot->entry = entry;
            return 1;
        }
        if (room >= dirent_size(1))
            is_full = false;
    }
    if (is_full && index == dir->dir_hint)
        dir->dir_hint++;
    ext2_buffer_put(fs, slot->buffer);
    return err;
}

/* Adds a block, with one free entry, at the end. */
static int dir_grow(struct ext2_node *dir, struct ext2_slot *slot)
{
    struct ext2 *fs = ext2_of(&dir->vnode);
    uint64_t index = dir_blocks(dir);
    uint32_t block;
    bool is_new;

    if (dir->size + fs->block_size > INT32_MAX)
        return -ENOSPC;
    int err = ext2_map_make(dir, index, &block, &is_new);
    if (err)
        return err;
    err = ext2_buffer_new(fs, block, &slot->buffer);
    if (err) {
        (void)ext2_blocks_drop(dir, index, index + 1);
        return err;
    }
    slot->entry = (struct ext2_dirent *)slot->buffer->data;
    slot->entry->rec_len = fs->block_size;
    dir->size += fs->block_size;
    return 0;
}

int ext2_dir_add(struct ext2_node *dir, const char *name, uint32_t ino, uint32_t mode,
                 uint32_t *block)
{
    struct ext2 *fs = ext2_of(&dir->vnode);
    uint32_t size = dirent_size(strlen(name));
    struct ext2_slot slot = {0};
    int found = 0;

    assert(mutex_is_held(&fs->lock));
    for (uint64_t index = dir->dir_hint; index < dir_blocks(dir) && found == 0; index++)
        found = find_room_in_block(dir, index, size, &slot);
    if (found == 0)
        found = dir_grow(dir, &slot);
    if (found < 0)
        return found;
    assert(slot.entry);
    dirent_set(fs, dirent_split(slot.entry), name, ino, mode);
    dir_changed(dir, slot.buffer);
    *block = slot.buffer->block;
    ext2_buffer_put(fs, slot.buffer);
    return 0;
}

void ext2_dir_remove(struct ext2_node *dir, struct ext2_slot *slot)
{
    struct ext2 *fs = ext2_of(&dir->vnode);

    if (slot->before)
        slot->before->rec_len += slot->entry->rec_len;
    slot->entry->inode = 0;
    dir->dir_hint = min((uint64_t)dir->dir_hint, slot->offset >> fs->block_shift);
    dir_changed(dir, slot->buffer);
}

void ext2_dir_replace(struct ext2_node *dir, struct ext2_slot *slot, uint32_t ino, uint32_t mode)
{
    slot->entry->inode = ino;
    slot->entry->file_type = type_of_mode(ext2_of(&dir->vnode), mode);
    dir_changed(dir, slot->buffer);
}

int ext2_dir_begin(struct ext2_node *dir, uint32_t parent)
{
    struct ext2 *fs = ext2_of(&dir->vnode);
    struct ext2_slot slot;
    int err = dir_grow(dir, &slot);

    if (err)
        return err;
    dirent_set(fs, slot.entry, ".", dir->vnode.ino, S_IFDIR);
    dirent_set(fs, dirent_split(slot.entry), "..", parent, S_IFDIR);
    ext2_buffer_put(fs, slot.buffer);
    return 0;
}

int ext2_dir_parent(struct ext2_node *dir, uint32_t *parent)
{
    struct ext2_slot slot = {0};
    int err = ext2_dir_find(dir, "..", &slot);

    if (err)
        return err;
    assert(slot.entry);
    *parent = slot.entry->inode;
    ext2_buffer_put(ext2_of(&dir->vnode), slot.buffer);
    return 0;
}

void ext2_dir_set_parent(struct ext2_node *dir, struct ext2_slot *dots, uint32_t parent)
{
    dots->entry->inode = parent;
    ext2_buffer_dirty(ext2_of(&dir->vnode), dots->buffer);
}

void ext2_slot_refresh(struct ext2_node *dir, struct ext2_slot *slot)
{
    struct ext2 *fs = ext2_of(&dir->vnode);
    uint32_t end = slot->offset & (fs->block_size - 1);

    slot->before = NULL;
    for (uint32_t at = 0; at < end; at += slot->before->rec_len)
        slot->before = (struct ext2_dirent *)(slot->buffer->data + at);
}
