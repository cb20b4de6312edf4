/* The walk along a path.

   A walk has a current directory, with a reference, and the rest of the path. It takes one
   component after the other. A symbolic link replaces the rest by its target and what follows the
   link, in a buffer on the heap, so links need no recursion. The links of /proc/PID/fd have no such
   target: they lead the walk to a vnode at once. No lock is held between two components. */
#include <linux/errno.h>
#include <fs/mount.h>
#include <fs/path.h>
#include <lib/string.h>
#include <mm/heap.h>

/* The most links that one path may contain, as on Linux. */
#define MAX_LINKS 40

/* A flag of this file, next to those of path.h: a link at the end is followed if a slash stands
   behind it. */
#define FOLLOW_BEFORE_SLASH (1u << 31)

struct walk {
    struct vnode *at;        /* the current directory; one reference */
    const char *rest;        /* the rest of the path */
    char *buf;               /* on the heap: the text of `rest`, after a link was followed */
    unsigned links;          /* links followed so far */
    char name[NAME_MAX + 1]; /* the current component; empty: the path had none */
    bool slash;              /* a slash follows the component */
    bool has_jumped;         /* the last component was a link that led to `at`, the end */
};

/* Makes `vnode` the current directory, and takes over the reference on it. */
static void walk_move(struct walk *walk, struct vnode *vnode)
{
    vnode_put(walk->at);
    walk->at = vnode;
}

/* Sets the rest of the path to `path`, and starts at the root if it is absolute. */
static void walk_begin(struct walk *walk, const char *path)
{
    walk->rest = path;
    if (*path == '/') {
        vnode_get(vfs_root);
        walk_move(walk, vfs_root);
    }
}

static int walk_start(struct walk *walk, struct vnode *start, const char *path)
{
    size_t len = strnlen(path, PATH_MAX);

    if (len == 0)
        return -ENOENT;
    if (len == PATH_MAX)
        return -ENAMETOOLONG;
    *walk = (struct walk){.at = start};
    vnode_get(start);
    walk_begin(walk, path);
    return 0;
}

static void walk_end(struct walk *walk)
{
    vnode_put(walk->at);
    heap_free(walk->buf);
}

static size_t skip_slashes(struct walk *walk)
{
    size_t n = 0;

    while (walk->rest[n] == '/')
        n++;
    walk->rest += n;
    return n;
}

/* Makes the next component of the rest the current one. */
static int walk_next(struct walk *walk)
{
    size_t len = 0;

    skip_slashes(walk);
    while (walk->rest[len] != '\0' && walk->rest[len] != '/')
        len++;
    if (len > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(walk->name, walk->rest, len);
    walk->name[len] = '\0';
    walk->rest += len;
    walk->slash = skip_slashes(walk) > 0;
    return 0;
}

/* Finds `name` in `dir`, through mount points, and takes a reference on it. */
static int find_component(struct vnode *dir, const char *name, struct vnode **child)
{
    if (!vnode_is_dir(dir))
        return -ENOTDIR;
    if (*name == '\0' || strcmp(name, ".") == 0) {
        vnode_get(*child = dir);
        return 0;
    }
    if (strcmp(name, "..") == 0) {
        *child = vnode_parent(dir);
        return 0;
    }
    struct vnode *found;
    int err = dir->ops->lookup(dir, name, &found);
    if (err)
        return err;
    *child = mount_cross(found);
    return 0;
}

/* Joins the target of `link` and the rest of the path in `buf`, of PATH_MAX bytes. */
static int join_link(struct walk *walk, struct vnode *link, char *buf)
{
    int len = link->ops->readlink(link, buf, PATH_MAX);

    if (len < 0)
        return len;
    if (len == 0)
        return -ENOENT;
    if (len + 1 + strlen(walk->rest) >= PATH_MAX)
        return -ENAMETOOLONG;
    if (walk->slash)
        buf[len++] = '/';
    strlcpy(buf + len, walk->rest, PATH_MAX - len);
    return 0;
}

/* Continues at the vnode to which `link` leads without a path. */
static int walk_jump(struct walk *walk, struct vnode *link)
{
    struct vnode *target;
    int err = link->ops->follow(link, &target);

    if (!err)
        walk_move(walk, target);
    return err;
}

/* Continues along the target of `link`, which is the current component. */
static int walk_follow(struct walk *walk, struct vnode *link)
{
    if (++walk->links > MAX_LINKS)
        return -ELOOP;
    if (link->ops->follow)
        return walk_jump(walk, link);
    char *buf = heap_alloc(PATH_MAX);
    if (!buf)
        return -ENOMEM;
    int err = join_link(walk, link, buf);
    if (err) {
        heap_free(buf);
        return err;
    }
    heap_free(walk->buf);
    walk->buf = buf;
    walk_begin(walk, buf);
    return 0;
}

/* Enters the current component, which is not the last. */
static int walk_step(struct walk *walk)
{
    struct vnode *child;
    int err = find_component(walk->at, walk->name, &child);

    if (err)
        return err;
    if (!vnode_is_link(child)) {
        walk_move(walk, child);
        return 0;
    }
    err = walk_follow(walk, child);
    vnode_put(child);
    return err;
}

/* Walks until the last component is the current one. */
static int walk_to_last(struct walk *walk)
{
    int err;

    while (!(err = walk_next(walk)) && *walk->rest != '\0') {
        err = walk_step(walk);
        if (err)
            return err;
    }
    if (!err && !vnode_is_dir(walk->at))
        err = -ENOTDIR;
    return err;
}

/* Follows the last component if it is a link. Returns 1 if there is another last component now, and
   0 if there is not: the walk is at its end. A component that does not exist is no link. */
static int walk_last_link(struct walk *walk)
{
    struct vnode *child;
    int err = find_component(walk->at, walk->name, &child);

    if (err)
        return err == -ENOENT ? 0 : err;
    bool is_link = vnode_is_link(child);
    if (is_link)
        err = walk_follow(walk, child);
    walk->has_jumped = is_link && child->ops->follow;
    vnode_put(child);
    return err ? err : is_link && !walk->has_jumped;
}

static bool follows_last(const struct walk *walk, unsigned flags)
{
    return (flags & PATH_FOLLOW) || (walk->slash && (flags & FOLLOW_BEFORE_SLASH));
}

/* Walks to the last component, and follows it while it is a link, if `flags` ask for that. */
static int walk_all(struct walk *walk, unsigned flags)
{
    int again;

    do {
        again = walk_to_last(walk);
        if (!again && follows_last(walk, flags))
            again = walk_last_link(walk);
    } while (again > 0);
    return again;
}

static enum path_last_kind last_kind(const char *name)
{
    if (*name == '\0')
        return PATH_ROOT;
    if (strcmp(name, ".") == 0)
        return PATH_DOT;
    return strcmp(name, "..") == 0 ? PATH_DOTDOT : PATH_NAME;
}

int path_lookup_parent(struct vnode *start, const char *path, unsigned flags,
                       struct path_last *last)
{
    struct walk walk;
    int err = walk_start(&walk, start, path);

    if (err)
        return err;
    err = walk_all(&walk, flags);
    if (!err) {
        vnode_get(last->dir = walk.at);
        strlcpy(last->name, walk.name, sizeof(last->name));
        last->kind = walk.has_jumped ? PATH_VNODE : last_kind(walk.name);
        last->wants_dir = walk.slash;
    }
    walk_end(&walk);
    return err;
}

int path_lookup_last(const struct path_last *last, struct vnode **vnode)
{
    struct vnode *found = last->dir;
    int err = 0;

    if (last->kind == PATH_VNODE)
        vnode_get(found);
    else
        err = find_component(last->dir, last->name, &found);
    if (err)
        return err;
    if (last->wants_dir && !vnode_is_dir(found)) {
        vnode_put(found);
        return -ENOTDIR;
    }
    *vnode = found;
    return 0;
}

int path_lookup(struct vnode *start, const char *path, unsigned flags, struct vnode **vnode)
{
    struct path_last last;
    int err = path_lookup_parent(start, path, flags | FOLLOW_BEFORE_SLASH, &last);

    if (err)
        return err;
    err = path_lookup_last(&last, vnode);
    vnode_put(last.dir);
    return err;
}
