/* The directories of tmpfs.

   One lock guards all names of the file system (fs->tree: read to look, write to change), so a
   rename between two directories is one step like any other, and a removed directory cannot gain an
   entry.

   Always true under it: a vnode's nlink is the number of its entries, plus, for a directory, 1 for
   its "." and 1 for the ".." of each directory in it; 0 means removed. */
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

/* An entry in no directory, which holds `vnode` (or nothing yet). */
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

/* NULL is allowed. Without the tree lock: the vnode may go with it. */
static void entry_free(struct tmpfs_entry *entry)
{
    if (!entry)
        return;
    vnode_put(entry->vnode);
    heap_free(entry);
}

/* The entry called `name`, or NULL. A name is found by a walk of our own, since a key for RB_FIND
   would be an entry with 255 bytes of name. */
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

/* What has just lost an entry, for good: a directory its "." too. */
static void mark_if_removed(struct vnode *vnode)
{
    if (vnode_is_dir(vnode))
        vnode->nlink = 0;
    if (vnode->nlink == 0)
        vnode_set_removed(vnode);
}

static bool is_empty(struct vnode *dir)
{
    return RB_EMPTY(&tmpfs_node(dir)->names);
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

/* A vnode that has lost its last name stays without one: a new file has 0 here, and has not been
   removed. */
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
    return is_empty(vnode) ? 0 : -ENOTEMPTY;
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

/* Whether `dir` is `above` or lies below it. Directories move only under the tree lock, which is
   held. */
static bool lies_in(const struct vnode *dir, const struct vnode *above)
{
    while (dir && dir != above)
        dir = dir->parent;
    return dir != NULL;
}

/* A rename on its way: the entries it takes out and the one it puts in. */
struct rename {
    struct vnode *from_dir, *to_dir;
    struct tmpfs_entry *source; /* what is renamed */
    struct tmpfs_entry *target; /* what it replaces; NULL: nothing */
    struct tmpfs_entry *entry;  /* the new name, in no directory yet */
};

/* Whether what is replaced may go: like by like, and a directory only if it is empty. */
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

/* Checks and commits; the tree lock is held for writing. On failure, and where both names are of
   one file already and so nothing is to be done, the entries to be freed are only the new one. */
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
