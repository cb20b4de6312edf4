/* The operations on names.

   ext2.lock is held over each operation, so a rename is one step, and a directory that is removed
   cannot get an entry. If an operation finds no space, it is tried again once the blocks that were
   given back are free (ext2_make_room).

   A directory is found through one entry only, the one in the directory that its ".." shows. So a
   damaged disk cannot make directories contain each other. */
#include <linux/errno.h>
#include <linux/fs.h>
#include <lib/panic.h>
#include <lib/string.h>
#include "ext2.h"
#include "names.h"

/* A symbolic link that is shorter has its target in the inode. */
#define FAST_LINK_MAX sizeof(((struct ext2_node *)NULL)->block)

static void touch_ctime(struct ext2_node *node)
{
    vnode_touch_ctime(&node->vnode);
}

/* Records where a node was found. */
static int place_node(struct ext2_node *node, struct ext2_node *dir, const char *name)
{
    struct vnode *vnode = &node->vnode;

    if (vnode->parent == &dir->vnode && strcmp(vnode->name, name) == 0)
        return 0;
    return vnode_place(vnode, &dir->vnode, name);
}

/* Checks that a directory found in `dir` belongs there. */
static int check_parent(struct ext2_node *dir, struct ext2_node *child)
{
    uint32_t parent = 0;

    if (!vnode_is_dir(&child->vnode))
        return 0;
    int err = ext2_dir_parent(child, &parent);
    if (err && err != -ENOENT)
        return err;
    if (parent == dir->vnode.ino && child->vnode.ino != EXT2_ROOT_INO)
        return 0;
    return ext2_damaged(ext2_of(&dir->vnode), "in two places is the directory", child->vnode.ino);
}

/* Finds the node that an entry shows, and takes a reference on it. */
static int node_of_slot(struct ext2_node *dir, const struct ext2_slot *slot,
                        struct ext2_node **child)
{
    int err = ext2_node_get(ext2_of(&dir->vnode), slot->entry->inode, child);

    if (err)
        return err;
    err = check_parent(dir, *child);
    if (err)
        vnode_put(&(*child)->vnode);
    return err;
}

/* Finds the entry called `name`, and its node with a reference. The caller puts slot->buffer. */
static int find_node(struct ext2_node *dir, const char *name, struct ext2_slot *slot,
                     struct ext2_node **child)
{
    int err = ext2_dir_find(dir, name, slot);

    if (err)
        return err;
    err = node_of_slot(dir, slot, child);
    if (err)
        ext2_buffer_put(ext2_of(&dir->vnode), slot->buffer);
    return err;
}

static int lookup_locked(struct ext2_node *dir, const char *name, struct ext2_node **child)
{
    struct ext2_slot slot;
    int err = find_node(dir, name, &slot, child);

    if (err)
        return err;
    ext2_buffer_put(ext2_of(&dir->vnode), slot.buffer);
    err = place_node(*child, dir, name);
    if (err)
        vnode_put(&(*child)->vnode);
    return err;
}

int ext2_lookup(struct vnode *dir, const char *name, struct vnode **child)
{
    struct ext2 *fs = ext2_of(dir);
    struct ext2_node *node;

    int err = mutex_lock_killable(&fs->lock);
    if (err)
        return err;
    err = ext2_node(dir)->is_dead ? -ENOENT : lookup_locked(ext2_node(dir), name, &node);
    mutex_unlock(&fs->lock);
    if (!err)
        *child = &node->vnode;
    return err;
}

/* Checks that `dir` can get an entry called `name`. */
static int check_new_name(struct ext2_node *dir, const char *name)
{
    struct ext2_slot slot;

    if (dir->is_dead)
        return -ENOENT;
    int err = ext2_dir_find(dir, name, &slot);
    if (err)
        return err == -ENOENT ? 0 : err;
    ext2_buffer_put(ext2_of(&dir->vnode), slot.buffer);
    return -EEXIST;
}

/* ---- New files ---- */

/* A file that is to be made. */
struct new_file {
    uint32_t mode;
    uint64_t rdev;
    const char *target; /* of a symbolic link */
};

/* Writes the target of a symbolic link. */
static int fill_link(struct ext2_node *node, const char *target)
{
    struct ext2 *fs = ext2_of(&node->vnode);
    size_t len = strlen(target);
    struct ext2_buffer *buffer;
    uint32_t block;
    bool is_new;

    if (len >= fs->block_size)
        return -ENAMETOOLONG;
    node->size = len;
    if (len < FAST_LINK_MAX) {
        memcpy(node->block, target, len);
        return 0;
    }
    int err = ext2_map_make(node, 0, &block, &is_new);
    if (err)
        return err;
    err = ext2_buffer_new(fs, block, &buffer);
    if (err)
        return err;
    memcpy(buffer->data, target, len);
    ext2_buffer_put(fs, buffer);
    return 0;
}

/* Fills a new node, and gives it its name. */
static int name_new(struct ext2_node *dir, const char *name, const struct new_file *file,
                    struct ext2_node *node)
{
    uint32_t block;
    int err = 0;

    if (S_ISDIR(file->mode))
        err = ext2_dir_begin(node, dir->vnode.ino);
    else if (file->target)
        err = fill_link(node, file->target);
    if (!err)
        err = place_node(node, dir, name);
    if (!err)
        err = ext2_dir_add(dir, name, node->vnode.ino, file->mode, &block);
    if (!err && S_ISDIR(file->mode))
        dir->vnode.nlink++;
    return err;
}

/* Makes a node. If it gets no name, the next sync deletes it. */
static int make_locked(struct ext2_node *dir, const char *name, const struct new_file *file,
                       struct ext2_node **node)
{
    struct ext2 *fs = ext2_of(&dir->vnode);
    bool is_dir = S_ISDIR(file->mode);
    uint32_t ino;
    int err = check_new_name(dir, name);

    if (err)
        return err;
    if (is_dir && dir->vnode.nlink >= EXT2_LINK_MAX)
        return -EMLINK;
    err = ext2_inode_alloc(fs, dir->vnode.ino, is_dir, &ino);
    if (err)
        return err;
    err = ext2_node_create(fs, ino, file->mode, file->rdev, node);
    if (err) {
        if (err != -EIO)
            (void)ext2_inode_free(fs, ino, is_dir); /* its bitmap is dirty, so in memory */
        return err;
    }
    err = name_new(dir, name, file, *node);
    if (err) {
        ext2_node_bury(*node);
        (*node)->is_unlinked_on_disk = true;
        vnode_put(&(*node)->vnode);
    }
    return err;
}

/* Takes the lock for a change of names. -EINTR; -EROFS: the file system has become read-only. After
   an error the lock is not held. */
static int change_begin(struct ext2 *fs)
{
    int err = mutex_lock_killable(&fs->lock);

    if (err)
        return err;
    ext2_sync_if_due(fs);
    if (!atomic_load(&fs->filesystem.read_only))
        return 0;
    mutex_unlock(&fs->lock);
    return -EROFS;
}

static int make_file(struct vnode *dir, const char *name, const struct new_file *file,
                     struct ext2_node **node)
{
    struct ext2 *fs = ext2_of(dir);

    int err = change_begin(fs);
    if (err)
        return err;
    err = make_locked(ext2_node(dir), name, file, node);
    if (err == -ENOSPC && ext2_make_room(fs))
        err = make_locked(ext2_node(dir), name, file, node);
    mutex_unlock(&fs->lock);
    return err;
}

int ext2_create(struct vnode *dir, const char *name, uint32_t mode, uint64_t rdev,
                struct vnode **child)
{
    const struct new_file file = {.mode = mode, .rdev = rdev};
    struct ext2_node *node;
    int err = make_file(dir, name, &file, &node);

    if (!err)
        *child = &node->vnode;
    return err;
}

int ext2_symlink(struct vnode *dir, const char *name, const char *target)
{
    const struct new_file file = {.mode = S_IFLNK | 0777, .target = target};
    struct ext2_node *node;
    int err = make_file(dir, name, &file, &node);

    if (!err)
        vnode_put(&node->vnode);
    return err;
}

static int readlink_locked(struct ext2_node *link, char *buf, size_t size)
{
    struct ext2 *fs = ext2_of(&link->vnode);
    struct ext2_buffer *buffer;
    uint32_t block;

    if (link->size < FAST_LINK_MAX) {
        memcpy(buf, link->block, min(size, (size_t)link->size));
        return 0;
    }
    int err = ext2_map_find(link, 0, &block);
    if (err)
        return err;
    if (block == 0)
        return ext2_damaged(fs, "a hole in the symbolic link", link->vnode.ino);
    err = ext2_buffer_read(fs, block, &buffer);
    if (err)
        return err;
    memcpy(buf, buffer->data, min(size, (size_t)link->size));
    ext2_buffer_put(fs, buffer);
    return 0;
}

/* The target has at least one byte (is_inode_ok in node.c); a 0 ends it early. */
int ext2_readlink(struct vnode *vnode, char *buf, size_t size)
{
    struct ext2 *fs = ext2_of(vnode);

    int err = mutex_lock_killable(&fs->lock);
    if (err)
        return err;
    err = readlink_locked(ext2_node(vnode), buf, size - 1);
    mutex_unlock(&fs->lock);
    if (err)
        return err;
    buf[min(size - 1, (size_t)ext2_node(vnode)->size)] = '\0';
    return strlen(buf);
}

/* ---- Further names, and fewer ---- */

static int link_locked(struct ext2_node *dir, const char *name, struct ext2_node *node)
{
    uint32_t block;
    int err = check_new_name(dir, name);

    if (err)
        return err;
    if (node->is_dead)
        return -ENOENT;
    if (node->vnode.nlink >= EXT2_LINK_MAX)
        return -EMLINK;
    err = ext2_dir_add(dir, name, node->vnode.ino, node->vnode.mode, &block);
    if (err)
        return err;
    node->vnode.nlink++;
    touch_ctime(node);
    return 0;
}

int ext2_link(struct vnode *dir, const char *name, struct vnode *vnode)
{
    struct ext2 *fs = ext2_of(dir);

    int err = change_begin(fs);
    if (err)
        return err;
    err = link_locked(ext2_node(dir), name, ext2_node(vnode));
    if (err == -ENOSPC && ext2_make_room(fs))
        err = link_locked(ext2_node(dir), name, ext2_node(vnode));
    mutex_unlock(&fs->lock);
    return err;
}

/* Takes a name from a node, which is dead after the last one. A directory loses its "." too, and
   its parent a "..". */
static void lose_name(struct ext2_node *dir, struct ext2_node *node)
{
    bool is_dir = vnode_is_dir(&node->vnode);

    if (is_dir && dir->vnode.nlink > 2)
        dir->vnode.nlink--;
    touch_ctime(node);
    if (is_dir || node->vnode.nlink <= 1)
        ext2_node_bury(node);
    else
        node->vnode.nlink--;
}

static int may_unlink_node(struct ext2_node *node)
{
    return vnode_is_dir(&node->vnode) ? -EISDIR : 0;
}

static int may_rmdir_node(struct ext2_node *node)
{
    if (!vnode_is_dir(&node->vnode))
        return -ENOTDIR;
    if (node->vnode.mounted)
        return -EBUSY;
    int empty = ext2_dir_is_empty(node);
    return empty < 0 ? empty : empty ? 0 : -ENOTEMPTY;
}

/* Returns the node with a reference, also if it may not be removed; *result is NULL if there is
   none. */
static int remove_entry_locked(struct ext2_node *dir, const char *name,
                               int (*may_remove)(struct ext2_node *node), struct ext2_node **result)
{
    struct ext2_node *node;
    struct ext2_slot slot;
    int err = find_node(dir, name, &slot, &node);

    if (err)
        return err;
    err = may_remove(node);
    if (!err) {
        ext2_dir_remove(dir, &slot);
        lose_name(dir, node);
    }
    ext2_buffer_put(ext2_of(&dir->vnode), slot.buffer);
    *result = node;
    return err;
}

/* Ends the use of a node that may have lost its last name. */
static void put_removed(struct ext2_node *node)
{
    if (!node)
        return;
    ext2_dead_pages_drop(&node->vnode);
    vnode_put(&node->vnode);
}

static int remove_entry(struct vnode *dir, const char *name,
                        int (*may_remove)(struct ext2_node *node))
{
    struct ext2 *fs = ext2_of(dir);
    struct ext2_node *node = NULL;

    int err = change_begin(fs);
    if (err)
        return err;
    err = remove_entry_locked(ext2_node(dir), name, may_remove, &node);
    mutex_unlock(&fs->lock);
    put_removed(node);
    return err;
}

int ext2_unlink(struct vnode *dir, const char *name)
{
    return remove_entry(dir, name, may_unlink_node);
}

int ext2_rmdir(struct vnode *dir, const char *name)
{
    return remove_entry(dir, name, may_rmdir_node);
}

/* ---- Renames ---- */

/* A rename in progress. What can fail is done first; the buffers are held until the end. */
struct rename {
    struct ext2_node *from_dir, *to_dir;
    const char *from_name, *to_name;
    struct ext2_node *source;
    struct ext2_node *target; /* what loses the new name, with a reference; NULL: nothing */
    struct ext2_slot from;    /* the entry of the source */
    struct ext2_slot to;      /* the entry of the target */
    struct ext2_slot dots;    /* the ".." of the source, if `moves_dots` */
    bool moves_dots;          /* the source is a directory, and gets another parent */
};

/* Returns true if `dir` is `above` or lies below it. The chain is as long as the tree is deep. */
static bool lies_below(const struct ext2_node *dir, const struct ext2_node *above)
{
    const struct vnode *vnode = &dir->vnode;

    while (vnode && vnode != &above->vnode)
        vnode = vnode->parent;
    return vnode != NULL;
}

/* Checks that the target may be replaced: a directory by a directory, if it is empty, and a file
   by a file. */
static int may_replace_node(const struct rename *rename)
{
    bool is_dir = vnode_is_dir(&rename->source->vnode);

    if (lies_below(rename->from_dir, rename->target))
        return -ENOTEMPTY;
    if (!vnode_is_dir(&rename->target->vnode))
        return is_dir ? -ENOTDIR : 0;
    return is_dir ? may_rmdir_node(rename->target) : -EISDIR;
}

static int may_rename_node(const struct rename *rename, unsigned flags)
{
    const struct ext2_node *source = rename->source, *target = rename->target;

    if (rename->to_dir->is_dead)
        return -ENOENT;
    if (target && (flags & RENAME_NOREPLACE))
        return -EEXIST;
    if (lies_below(rename->to_dir, source))
        return -EINVAL;
    if (source->vnode.mounted)
        return -EBUSY;
    if (target && target != source)
        return may_replace_node(rename);
    return rename->moves_dots && rename->to_dir->vnode.nlink >= EXT2_LINK_MAX ? -EMLINK : 0;
}

/* Gives the source its new name. Returns the block of the entry in *block. */
static int add_new_name(struct rename *rename, uint32_t *block)
{
    struct ext2_node *source = rename->source;
    uint32_t ino = source->vnode.ino, mode = source->vnode.mode;

    if (!rename->target)
        return ext2_dir_add(rename->to_dir, rename->to_name, ino, mode, block);
    ext2_dir_replace(rename->to_dir, &rename->to, ino, mode);
    *block = rename->to.buffer->block;
    return 0;
}

/* Removes the old name, after the new one is on the disk if it stands in another block. Otherwise
   the machine could stop with neither name on the disk. An error of this sync is not one of the
   rename: the blocks stay dirty, and an fsync tells. */
static void remove_old_name(struct rename *rename, uint32_t new_block)
{
    if (rename->from.buffer->block != new_block)
        (void)ext2_sync_metadata(ext2_of(&rename->from_dir->vnode));
    ext2_slot_refresh(rename->from_dir, &rename->from);
    ext2_dir_remove(rename->from_dir, &rename->from);
}

/* Moves the ".." of a directory. */
static void move_dots(struct rename *rename)
{
    ext2_dir_set_parent(rename->source, &rename->dots, rename->to_dir->vnode.ino);
    rename->to_dir->vnode.nlink++;
    if (rename->from_dir->vnode.nlink > 2)
        rename->from_dir->vnode.nlink--;
}

static int rename_node(struct rename *rename)
{
    uint32_t block;
    int err = place_node(rename->source, rename->to_dir, rename->to_name);

    if (!err)
        err = add_new_name(rename, &block);
    if (err) {
        /* If this fails as well, the next lookup places the node. */
        (void)place_node(rename->source, rename->from_dir, rename->from_name);
        return err;
    }
    if (rename->target)
        lose_name(rename->to_dir, rename->target);
    if (rename->moves_dots)
        move_dots(rename);
    touch_ctime(rename->source);
    remove_old_name(rename, block);
    return 0;
}

/* Checks and commits, with source and target found. */
static int rename_found(struct rename *rename, unsigned flags)
{
    struct ext2 *fs = ext2_of(&rename->from_dir->vnode);

    rename->moves_dots = vnode_is_dir(&rename->source->vnode) && rename->from_dir != rename->to_dir;
    int err = may_rename_node(rename, flags);
    if (err || rename->target == rename->source)
        return err;
    if (rename->moves_dots)
        err = ext2_dir_find(rename->source, "..", &rename->dots);
    if (err)
        return err;
    err = rename_node(rename);
    if (rename->moves_dots)
        ext2_buffer_put(fs, rename->dots.buffer);
    return err;
}

static int rename_target(struct rename *rename, unsigned flags)
{
    int err = find_node(rename->to_dir, rename->to_name, &rename->to, &rename->target);

    if (err) {
        rename->target = NULL;
        return err == -ENOENT ? rename_found(rename, flags) : err;
    }
    err = rename_found(rename, flags);
    ext2_buffer_put(ext2_of(&rename->to_dir->vnode), rename->to.buffer);
    return err;
}

static int rename_source(struct rename *rename, unsigned flags)
{
    int err = find_node(rename->from_dir, rename->from_name, &rename->from, &rename->source);

    if (err)
        return err;
    err = rename_target(rename, flags);
    ext2_buffer_put(ext2_of(&rename->from_dir->vnode), rename->from.buffer);
    vnode_put(&rename->source->vnode);
    return err;
}

int ext2_rename(struct vnode *from_dir, const char *from_name, struct vnode *to_dir,
                const char *to_name, unsigned flags)
{
    struct ext2 *fs = ext2_of(from_dir);
    struct rename rename = {
        .from_dir = ext2_node(from_dir),
        .to_dir = ext2_node(to_dir),
        .from_name = from_name,
        .to_name = to_name,
    };

    int err = change_begin(fs);
    if (err)
        return err;
    err = rename_source(&rename, flags);
    if (err == -ENOSPC && ext2_make_room(fs))
        err = rename_source(&rename, flags); /* without room there was no target */
    mutex_unlock(&fs->lock);
    put_removed(rename.target);
    return err;
}

/* ---- Listings ---- */

/* Returns the type of a file whose entry does not tell it. */
static int mode_of_inode(struct ext2_node *dir, uint32_t ino, uint32_t *mode)
{
    struct ext2_node *node;
    int err = ext2_node_get(ext2_of(&dir->vnode), ino, &node);

    if (err)
        return err;
    *mode = node->vnode.mode & S_IFMT;
    vnode_put(&node->vnode);
    return 0;
}

static int readdir_locked(struct ext2_node *dir, uint64_t offset, struct dir_entry *entry)
{
    struct ext2 *fs = ext2_of(&dir->vnode);
    struct ext2_slot slot;
    int found = ext2_dir_next(dir, offset, &slot);

    if (found <= 0)
        return found;
    memcpy(entry->name, slot.entry->name, slot.entry->name_len);
    entry->name[slot.entry->name_len] = '\0';
    entry->ino = slot.entry->inode;
    entry->mode = ext2_dirent_mode(fs, slot.entry);
    entry->cookie = DIR_COOKIE_FIRST + slot.offset;
    if (entry->mode == 0) {
        int err = mode_of_inode(dir, entry->ino, &entry->mode);
        if (err)
            found = err;
    }
    ext2_buffer_put(fs, slot.buffer);
    return found;
}

int ext2_readdir(struct vnode *dir, uint64_t cookie, struct dir_entry *entry)
{
    struct ext2 *fs = ext2_of(dir);

    int found = mutex_lock_killable(&fs->lock);
    if (found)
        return found;
    found = readdir_locked(ext2_node(dir), cookie - DIR_COOKIE_FIRST, entry);
    mutex_unlock(&fs->lock);
    return found;
}
