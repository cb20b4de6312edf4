/* Files that are being run: a pager that keeps writers away while it lives. */
#include <linux/errno.h>
#include <fs/pagecache.h>
#include <fs/path.h>
#include <fs/program.h>
#include <lib/panic.h>
#include <mm/heap.h>

void program_get(struct program *program)
{
    (void)atomic_add_fetch(&program->refs, 1);
}

/* A region's may be the last reference: runs under a vspace's lock, too. */
void program_put(struct program *program)
{
    if (!program || atomic_sub_fetch(&program->refs, 1) > 0)
        return;
    vnode_end_deny(program->vnode);
    vnode_put(program->vnode);
    heap_free(program);
}

static int program_page(struct pager *pager, uint64_t index, struct frame **frame)
{
    struct program *program = container_of(pager, struct program, pager);

    return pagecache_page(program->vnode->cache, index, frame);
}

static void program_pager_get(struct pager *pager)
{
    program_get(container_of(pager, struct program, pager));
}

static void program_pager_put(struct pager *pager)
{
    program_put(container_of(pager, struct program, pager));
}

static uint64_t program_name(struct pager *pager, char *buf, size_t size)
{
    struct pager *file = &container_of(pager, struct program, pager)->vnode->cache->pager;

    return file->ops->name(file, buf, size);
}

static const struct pager_ops program_pager_ops = {
    .page = program_page,
    .get = program_pager_get,
    .put = program_pager_put,
    .name = program_name,
};

/* Root, who everybody is, may run what anybody may run. */
static int check_executable(const struct vnode *vnode)
{
    bool may_run = atomic_load_relaxed(&vnode->mode) & (S_IXUSR | S_IXGRP | S_IXOTH);

    return vnode_is_file(vnode) && vnode->cache && may_run ? 0 : -EACCES;
}

/* Makes a program of `vnode`, with a reference of its own on it. */
static int program_create(struct vnode *vnode, struct program **result)
{
    int err = check_executable(vnode);
    if (err)
        return err;
    struct program *program = heap_alloc_zeroed(sizeof(*program));
    if (!program)
        return -ENOMEM;
    err = vnode_deny_write(vnode);
    if (err) {
        heap_free(program);
        return err;
    }
    vnode_get(vnode);
    *program = (struct program){.pager.ops = &program_pager_ops, .vnode = vnode, .refs = 1};
    *result = program;
    return 0;
}

int program_open(struct vnode *start, const char *path, struct program **program)
{
    struct vnode *vnode;
    int err = path_lookup(start, path, PATH_FOLLOW, &vnode);

    if (err)
        return err;
    err = program_create(vnode, program);
    vnode_put(vnode);
    return err;
}

ssize_t program_read(struct program *program, uint64_t offset, void *buf, size_t len)
{
    struct uio uio;

    uio_init_kernel(&uio, buf, len);
    return pagecache_read(program->vnode->cache, &uio, offset);
}
