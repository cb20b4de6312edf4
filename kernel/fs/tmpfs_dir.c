/* The directories of tmpfs.

   One lock guards all names of the file system: fs->tree, read to look up, write to change. So a
   rename between two directories is one step, and a removed directory cannot get an entry.

   Always true under the lock: the nlink of a vnode is the number of its entries. A directory counts
   its "." too, and the ".." of each directory in it. nlink 0 means removed. */
#include <linux/errno.h>
#include <linux/fs.h>
#include <fs/pagecache.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include "tmpfs_node.h"

static int compare_names(const struct tmpfs_entry *a, const struct tmpfs_entry *b)
{
    return strcmp(a->name, b->name);
}

static int compare_cookies(const struct tmpfs_entry *a, const struct tmpfs_entry *b)
{
    return a->cookie < b->cookie ? -1 : a->cookie > b->cookie;
}

RB_GENERATE_STATIC(tmpfs_names, tmpfs_entry, by_name, compare_names)
RB_GENERATE_STATIC(tmpfs_cookies, tmpfs_entry, by_cookie, compare_cookies)

static struct rwlock *tree_lock(const struct vnode *dir)
{
    return &dir->fs->tree;
}

/* Allocates an entry that is in no directory. It holds a reference on `vnode`, if that is not
   NULL. */
static struct tmpfs_entry *entry_alloc(const char *name, struct vnode *vnode)
{
    size_t size = strlen(name) + 1;
    struct tmpfs_entry *entry = heap_alloc_zeroed(sizeof(*entry) + size);

    if (!entry)
        return NULL;
    memcpy(entry->name, name, size);
    entry->vnode = vnode;
    if (vnode)
        vnode_get(vnode);
    return entry;
}

/* Frees an entry, or does nothing for NULL. The tree lock is not held, because the last reference
   on the vnode may go. */
static void entry_free(struct tmpfs_entry *entry)
{
    if (!entry)
        return;
    vnode_put(entry->vnode);
    heap_free(entry);
}

/* Returns the entry called `name`, or NULL. RB_FIND would need an entry with 255 bytes of name as
   its key, so the walk is ours. */
static struct tmpfs_entry *entry_find(struct vnode *dir, const char *name)
{
    struct tmpfs_entry *entry = RB_ROOT(&tmpfs_node(dir)->names);
    int order;

    while (entry && (order = strcmp(name, entry->name)) != 0)
        entry = order < 0 ? RB_LEFT(entry, by_name) : RB_RIGHT(entry, by_name);
    return entry;
}

static void entry_insert(struct vnode *dir, struct tmpfs_entry *entry)
{
    struct tmpfs_node *node = tmpfs_node(dir);

    assert(rwlock_is_write_held(tree_lock(dir)));
    entry->cookie = node->next_cookie++;
    RB_INSERT(tmpfs_names, &node->names, entry);
    RB_INSERT(tmpfs_cookies, &node->cookies, entry);
    entry->vnode->nlink++;
    if (vnode_is_dir(entry->vnode))
        dir->nlink++;
    vnode_touch(dir);
    vnode_touch_ctime(entry->vnode);
}

static void entry_remove(struct vnode *dir, struct tmpfs_entry *entry)
{
    struct tmpfs_node *node = tmpfs_node(dir);

    assert(rwlock_is_write_held(tree_lock(dir)));
    RB_REMOVE(tmpfs_names, &node->names, entry);
    RB_REMOVE(tmpfs_cookies, &node->cookies, entry);
    entry->vnode->nlink--;
    if (vnode_is_dir(entry->vnode))
        dir->nlink--;
    vnode_touch(dir);
    vnode_touch_ctime(entry->vnode);
}

/* Marks a vnode that has lost its last name; a directory loses its "." too. Called after an entry
   was removed. */
static void mark_if_removed(struct vnode *vnode)
{
    if (vnode_is_dir(vnode))
        vnode->nlink = 0;
    if (vnode->nlink == 0)
        vnode_set_removed(vnode);
}

int tmpfs_lookup(struct vnode *dir, const char *name, struct vnode **child)
{
    rwlock_read_lock(tree_lock(dir));
    struct tmpfs_entry *entry = entry_find(dir, name);
    if (entry) {
        *child = entry->vnode;
        vnode_get(*child);
    }
    rwlock_read_unlock(tree_lock(dir));
    return entry ? 0 : -ENOENT;
}

static int may_add(struct vnode *dir, const char *name)
{
    if (dir->nlink == 0)
        return -ENOENT;
    return entry_find(dir, name) ? -EEXIST : 0;
}

/* Adds an entry, unless its vnode was removed: a vnode that has lost its last name gets no new one.
   nlink is no sign of that, because it is 0 in a new file too. */
static int add_entry(struct vnode *dir, struct tmpfs_entry *entry)
{
    int err = may_add(dir, entry->name);

    if (!err && entry->vnode->removed)
        err = -ENOENT;
    if (!err)
        err = vnode_place(entry->vnode, dir, entry->name);
    if (!err)
        entry_insert(dir, entry);
    return err;
}

int tmpfs_link(struct vnode *dir, const char *name, struct vnode *vnode)
{
    if (pagecache_is_full())
        return -ENOSPC;
    struct tmpfs_entry *entry = entry_alloc(name, vnode);
    if (!entry)
        return -ENOMEM;
    rwlock_write_lock(tree_lock(dir));
    int err = add_entry(dir, entry);
    rwlock_write_unlock(tree_lock(dir));
    if (err)
        entry_free(entry);
    return err;
}

static int may_unlink(struct vnode *vnode)
{
    return vnode_is_dir(vnode) ? -EISDIR : 0;
}

static int may_rmdir(struct vnode *vnode)
{
    if (!vnode_is_dir(vnode))
        return -ENOTDIR;
    if (vnode->mounted)
        return -EBUSY;
    return RB_EMPTY(&tmpfs_node(vnode)->names) ? 0 : -ENOTEMPTY;
}

/* Removes a name, if `may_remove` of its vnode returns 0. */
static int remove_name(struct vnode *dir, const char *name, int (*may_remove)(struct vnode *vnode))
{
    rwlock_write_lock(tree_lock(dir));
    struct tmpfs_entry *entry = entry_find(dir, name);
    int err = entry ? may_remove(entry->vnode) : -ENOENT;
    if (!err) {
        entry_remove(dir, entry);
        mark_if_removed(entry->vnode);
    }
    rwlock_write_unlock(tree_lock(dir));
    if (!err)
        entry_free(entry);
    return err;
}

int tmpfs_unlink(struct vnode *dir, const char *name)
{
    return remove_name(dir, name, may_unlink);
}

int tmpfs_rmdir(struct vnode *dir, const char *name)
{
    return remove_name(dir, name, may_rmdir);
}

/* Returns true if `dir` is `above` or lies below it. The tree lock is held, so directories do not
   move. */
static bool lies_in(const struct vnode *dir, const struct vnode *above)
{
    while (dir && dir != above)
        dir = dir->parent;
    return dir != NULL;
}

/* A rename in progress: the entries that it removes, and the new one. */
struct rename {
    struct vnode *from_dir, *to_dir;
    struct tmpfs_entry *source; /* the old name */
    struct tmpfs_entry *target; /* the entry to replace; NULL: none */
    struct tmpfs_entry *entry;  /* the new name, in no directory yet */
};

/* Checks that the target may be replaced: a directory by a directory, if it is empty, and a file
   by a file. */
static int may_replace(const struct rename *rename)
{
    struct vnode *source = rename->source->vnode, *target = rename->target->vnode;

    if (lies_in(rename->from_dir, target))
        return -ENOTEMPTY;
    if (!vnode_is_dir(target))
        return vnode_is_dir(source) ? -ENOTDIR : 0;
    return vnode_is_dir(source) ? may_rmdir(target) : -EISDIR;
}

static int may_rename(const struct rename *rename, unsigned flags)
{
    if (!rename->source || rename->to_dir->nlink == 0)
        return -ENOENT;
    if (rename->target && (flags & RENAME_NOREPLACE))
        return -EEXIST;
    if (lies_in(rename->to_dir, rename->source->vnode))
        return -EINVAL;
    if (rename->source->vnode->mounted)
        return -EBUSY;
    if (rename->target && rename->target->vnode != rename->source->vnode)
        return may_replace(rename);
    return 0;
}

static void rename_commit(struct rename *rename)
{
    if (rename->target) {
        entry_remove(rename->to_dir, rename->target);
        mark_if_removed(rename->target->vnode);
    }
    entry_remove(rename->from_dir, rename->source);
    rename->entry->vnode = rename->source->vnode;
    vnode_get(rename->entry->vnode);
    entry_insert(rename->to_dir, rename->entry);
}

/* Checks and commits. The tree lock is held for writing. If it fails, or if both names are names of
   the same file already, only the new entry is left to be freed. */
static int rename_locked(struct rename *rename, const char *from_name, unsigned flags)
{
    rename->source = entry_find(rename->from_dir, from_name);
    rename->target = entry_find(rename->to_dir, rename->entry->name);

    int err = may_rename(rename, flags);
    bool same = !err && rename->target && rename->target->vnode == rename->source->vnode;
    if (!err && !same)
        err = vnode_place(rename->source->vnode, rename->to_dir, rename->entry->name);
    if (err || same) {
        rename->source = rename->target = NULL;
        return err;
    }
    rename_commit(rename);
    rename->entry = NULL;
    return 0;
}

int tmpfs_rename(struct vnode *from_dir, const char *from_name, struct vnode *to_dir,
                 const char *to_name, unsigned flags)
{
    struct rename rename = {.from_dir = from_dir, .to_dir = to_dir};

    rename.entry = entry_alloc(to_name, NULL);
    if (!rename.entry)
        return -ENOMEM;
    rwlock_write_lock(tree_lock(from_dir));
    int err = rename_locked(&rename, from_name, flags);
    rwlock_write_unlock(tree_lock(from_dir));
    entry_free(rename.entry);
    entry_free(rename.source);
    entry_free(rename.target);
    return err;
}

int tmpfs_readdir(struct vnode *dir, uint64_t cookie, struct dir_entry *entry)
{
    struct tmpfs_entry key = {.cookie = cookie};

    rwlock_read_lock(tree_lock(dir));
    struct tmpfs_entry *found = RB_NFIND(tmpfs_cookies, &tmpfs_node(dir)->cookies, &key);
    if (found) {
        strlcpy(entry->name, found->name, sizeof(entry->name));
        entry->ino = found->vnode->ino;
        entry->mode = found->vnode->mode & S_IFMT;
        entry->cookie = found->cookie;
    }
    rwlock_read_unlock(tree_lock(dir));
    return found ? 1 : 0;
}
