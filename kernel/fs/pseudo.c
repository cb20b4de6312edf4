/* Files whose text is made when they are read.

   Each lookup makes a new vnode, which goes with its last reference, so nothing becomes stale. The
   inode number is a hash of the names on the path, so it is the same each time.

   Lock: the vnode's lock guards the texts of its open files. Callbacks run without it, because they
   take locks of lower rank. */
#include <linux/errno.h>
#include <linux/magic.h>
#include <fs/file.h>
#include <fs/pseudo.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>

struct pseudo_node {
    struct vnode vnode;
    const struct pseudo_entry *entry; /* (c) what it is; of the root only `dir` is used */
    uint64_t key;                     /* (c) the key for callbacks */
};

/* The first cookie of a number: a listing has the numbers behind the fixed names. */
#define NUMBER_COOKIE (1ul << 32)

/* ---- Text ---- */

/* A text on the heap that grows as it is printed. */
struct text {
    struct text_sink sink;
    char *bytes;
    size_t len, capacity;
    bool failed; /* memory ran out; later output is lost */

    uint64_t start; /* of a part: the offset of its first byte in the file */
    uint64_t next;  /* of a part: the place of the part behind it */
};

#define FIRST_CAPACITY 256u

static void text_grow(struct text *text, size_t len)
{
    size_t capacity = max(text->capacity, FIRST_CAPACITY);

    while (capacity < len)
        capacity *= 2;
    char *bytes = heap_alloc(capacity);
    if (!bytes) {
        text->failed = true;
        return;
    }
    if (text->len)
        memcpy(bytes, text->bytes, text->len);
    heap_free(text->bytes);
    text->bytes = bytes;
    text->capacity = capacity;
}

static void text_put(struct text_sink *sink, const char *bytes, size_t len)
{
    struct text *text = container_of(sink, struct text, sink);

    if (!text->failed && text->len + len > text->capacity)
        text_grow(text, text->len + len);
    if (text->failed)
        return;
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
}

static void text_free(struct text *text)
{
    if (text)
        heap_free(text->bytes);
    heap_free(text);
}

/* Makes the text that `print` prints for `key`. */
static int text_make(int (*print)(struct text_sink *sink, uint64_t key), uint64_t key,
                     struct text **result)
{
    struct text *text = heap_alloc_zeroed(sizeof(*text));

    if (!text)
        return -ENOMEM;
    text->sink.put = text_put;
    int err = print(&text->sink, key);
    if (!err && text->failed)
        err = -ENOMEM;
    if (err) {
        text_free(text);
        return err;
    }
    *result = text;
    return 0;
}

/* Makes the part at `place`, whose first byte has the offset `start`. */
static int text_make_part(const struct pseudo_node *node, uint64_t place, uint64_t start,
                          struct text **result)
{
    struct text *text = heap_alloc_zeroed(sizeof(*text));

    if (!text)
        return -ENOMEM;
    text->sink.put = text_put;
    text->start = start;
    text->next = place;
    int err = node->entry->part(&text->sink, node->key, &text->next);
    if (!err && text->failed)
        err = -ENOMEM;
    if (err) {
        text_free(text);
        return err;
    }
    *result = text;
    return 0;
}

/* ---- Files ---- */

static struct pseudo_node *pseudo_node(struct vnode *vnode)
{
    return container_of(vnode, struct pseudo_node, vnode);
}

uint64_t pseudo_key_of(const struct vnode *vnode)
{
    return container_of(vnode, struct pseudo_node, vnode)->key;
}

/* Replaces the text of an open file by a new one. */
static int refresh(struct file *file)
{
    const struct pseudo_node *node = pseudo_node(file->vnode);
    struct text *text;
    int err = text_make(node->entry->text, node->key, &text);

    if (err)
        return err;
    err = mutex_lock_killable(&file->vnode->lock);
    if (err) {
        text_free(text);
        return err;
    }
    struct text *old = file->data;
    file->data = text;
    mutex_unlock(&file->vnode->lock);
    text_free(old);
    return 0;
}

static ssize_t copy_text(const struct text *text, struct uio *uio, uint64_t offset)
{
    if (offset >= text->len || uio->left == 0)
        return 0;
    return uio_result(uio_put(uio, text->bytes + offset, text->len - offset), -EFAULT);
}

/* Makes parts until one holds the byte at `offset`, or the text ends. Goes on behind the part that
   the open file has, or begins again if the byte is not there. As long as the text up to there. */
static int find_part(struct file *file, uint64_t offset, struct text **result)
{
    const struct pseudo_node *node = pseudo_node(file->vnode);
    struct text *part = NULL;
    uint64_t start = 0, place = 0;

    int err = mutex_lock_killable(&file->vnode->lock);
    if (err)
        return err;
    const struct text *old = file->data;
    if (offset > 0 && old && offset >= old->start + old->len) {
        start = old->start + old->len;
        place = old->next;
    }
    mutex_unlock(&file->vnode->lock);
    for (;;) {
        err = text_make_part(node, place, start, &part);
        if (err)
            return err;
        start += part->len;
        place = part->next;
        if (offset < start || part->len == 0)
            break;
        text_free(part);
    }
    *result = part;
    return 0;
}

static bool has_byte(const struct text *part, uint64_t offset)
{
    return part && offset >= part->start && offset < part->start + part->len;
}

static ssize_t read_part(struct file *file, struct uio *uio, uint64_t offset)
{
    struct text *part = NULL, *old = NULL;

    int err = mutex_lock_killable(&file->vnode->lock);
    if (err)
        return err;
    bool is_there = offset > 0 && has_byte(file->data, offset);
    mutex_unlock(&file->vnode->lock);
    err = is_there ? 0 : find_part(file, offset, &part);
    if (!err)
        err = mutex_lock_killable(&file->vnode->lock);
    if (err) {
        text_free(part);
        return err;
    }
    if (part) {
        old = file->data;
        file->data = part;
    }
    part = file->data;
    ssize_t done = has_byte(part, offset) ? copy_text(part, uio, offset - part->start) : 0;
    mutex_unlock(&file->vnode->lock);
    text_free(old);
    return done;
}

static ssize_t pseudo_read(struct file *file, struct uio *uio, uint64_t offset)
{
    if (pseudo_node(file->vnode)->entry->part)
        return read_part(file, uio, offset);
    if (offset == 0 || !file->data) {
        int err = refresh(file);
        if (err)
            return err;
    }
    int err = mutex_lock_killable(&file->vnode->lock);
    if (err)
        return err;
    ssize_t done = copy_text(file->data, uio, offset);
    mutex_unlock(&file->vnode->lock);
    return done;
}

#define SET_MAX 63 /* the most bytes that `set` takes; what follows them in a write is dropped */

static ssize_t pseudo_write(struct file *file, struct uio *uio, uint64_t offset __unused)
{
    const struct pseudo_node *node = pseudo_node(file->vnode);
    char text[SET_MAX + 1];
    size_t len = uio->left, taken = min(len, (size_t)SET_MAX);

    if (!node->entry->set)
        return -EINVAL;
    if (uio_get(uio, text, taken) < taken)
        return -EFAULT;
    text[taken] = '\0';
    int err = node->entry->set(text, node->key);
    return err ? err : (ssize_t)len;
}

static void pseudo_close(struct file *file)
{
    text_free(file->data);
}

static const struct file_ops pseudo_file_ops = {
    .read = pseudo_read, .write = pseudo_write, .close = pseudo_close, .seekable = true};

static const struct file_ops pseudo_dir_file_ops = {.seekable = true};

static int pseudo_follow(struct vnode *link, struct vnode **target)
{
    const struct pseudo_node *node = pseudo_node(link);

    return node->entry->target(node->key, target);
}

/* Writes the path of the vnode to which the link leads. */
static int read_jump(struct vnode *link, char *buf, size_t size)
{
    struct vnode *target;
    int err = pseudo_follow(link, &target);

    if (err)
        return err;
    int len = vnode_path(target, buf, size);
    vnode_put(target);
    return len;
}

static int pseudo_readlink(struct vnode *link, char *buf, size_t size)
{
    const struct pseudo_node *node = pseudo_node(link);
    struct text *text;
    int err = text_make(node->entry->link, node->key, &text);

    if (err)
        return err;
    size_t len = min(text->len, size - 1);
    if (len)
        memcpy(buf, text->bytes, len);
    buf[len] = '\0';
    text_free(text);
    return len;
}

/* ---- Directories ---- */

/* Returns the FNV-1a hash of the directory's inode number and the name. */
static uint64_t hash_ino(const struct vnode *dir, const char *name)
{
    uint64_t hash = dir->ino ^ 0xcbf29ce484222325;

    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
    return hash >> 1;
}

static const struct vnode_ops pseudo_ops, pseudo_jump_ops;

static const struct file_ops *file_ops_of_entry(const struct pseudo_entry *entry)
{
    if (entry->file_ops)
        return entry->file_ops;
    return S_ISDIR(entry->mode) ? &pseudo_dir_file_ops : &pseudo_file_ops;
}

static struct vnode *node_create(struct filesystem *fs, const struct pseudo_entry *entry,
                                 uint64_t key)
{
    struct pseudo_node *node = heap_alloc_zeroed(sizeof(*node));

    if (!node)
        return NULL;
    vnode_init(&node->vnode, fs, entry->mode);
    node->vnode.ops = entry->target ? &pseudo_jump_ops : &pseudo_ops;
    node->vnode.file_ops = file_ops_of_entry(entry);
    node->vnode.nlink = S_ISDIR(entry->mode) ? 2 : 1;
    node->entry = entry;
    node->key = key;
    return &node->vnode;
}

static int make_child(struct vnode *dir, const char *name, const struct pseudo_entry *entry,
                      uint64_t key, struct vnode **child)
{
    struct vnode *vnode = node_create(dir->fs, entry, key);

    if (!vnode)
        return -ENOMEM;
    vnode->ino = hash_ino(dir, name);
    int err = vnode_place(vnode, dir, name);
    if (err) {
        vnode_put(vnode);
        return err;
    }
    *child = vnode;
    return 0;
}

static const struct pseudo_entry *find_entry(const struct pseudo_dir *dir, const char *name)
{
    for (const struct pseudo_entry *entry = dir->entries; entry && entry->name; entry++) {
        if (strcmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

/* Returns the number that `name` is in decimal without leading zeros, or PSEUDO_NO_NUMBER. */
static uint32_t name_number(const char *name)
{
    uint64_t number = 0;

    if (name[0] == '0' && name[1] != '\0')
        return PSEUDO_NO_NUMBER;
    for (; *name; name++) {
        if (*name < '0' || *name > '9' || number >= PSEUDO_NO_NUMBER)
            return PSEUDO_NO_NUMBER;
        number = number * 10 + (*name - '0');
    }
    return min(number, (uint64_t)PSEUDO_NO_NUMBER);
}

static uint32_t next_number(const struct pseudo_node *node, uint32_t from)
{
    const struct pseudo_dir *dir = node->entry->dir;

    return dir->numbered ? dir->next(node->key, from) : PSEUDO_NO_NUMBER;
}

static int pseudo_lookup(struct vnode *dir, const char *name, struct vnode **child)
{
    const struct pseudo_node *node = pseudo_node(dir);
    const struct pseudo_entry *entry = find_entry(node->entry->dir, name);

    if (entry)
        return make_child(dir, name, entry, node->key, child);
    uint32_t number = name_number(name);
    if (number == PSEUDO_NO_NUMBER || next_number(node, number) != number)
        return -ENOENT;
    return make_child(dir, name, node->entry->dir->numbered, pseudo_key(node->key, number), child);
}

static size_t entry_count(const struct pseudo_dir *dir)
{
    size_t n = 0;

    while (dir->entries && dir->entries[n].name)
        n++;
    return n;
}

static int list_entry(struct vnode *dir, const struct pseudo_entry *entry, uint64_t cookie,
                      struct dir_entry *result)
{
    result->ino = hash_ino(dir, result->name);
    result->mode = entry->mode & S_IFMT;
    result->cookie = cookie;
    return 1;
}

static int list_number(struct vnode *dir, uint32_t from, struct dir_entry *result)
{
    const struct pseudo_node *node = pseudo_node(dir);
    uint32_t number = next_number(node, from);

    if (number == PSEUDO_NO_NUMBER)
        return 0;
    snprintf(result->name, sizeof(result->name), "%u", number);
    return list_entry(dir, node->entry->dir->numbered, NUMBER_COOKIE + number, result);
}

static int pseudo_readdir(struct vnode *dir, uint64_t cookie, struct dir_entry *result)
{
    const struct pseudo_dir *table = pseudo_node(dir)->entry->dir;
    uint64_t n = cookie - DIR_COOKIE_FIRST;

    if (cookie >= NUMBER_COOKIE + PSEUDO_NO_NUMBER)
        return 0;
    if (cookie >= NUMBER_COOKIE)
        return list_number(dir, cookie - NUMBER_COOKIE, result);
    if (n >= entry_count(table))
        return list_number(dir, 0, result);
    strlcpy(result->name, table->entries[n].name, sizeof(result->name));
    return list_entry(dir, &table->entries[n], cookie, result);
}

static void pseudo_free(struct vnode *vnode)
{
    heap_free(pseudo_node(vnode));
}

/* As on Linux, a file whose text the kernel makes takes any size and keeps none. */
static int pseudo_truncate(struct vnode *vnode __unused, uint64_t size __unused)
{
    return 0;
}

static const struct vnode_ops pseudo_ops = {
    .truncate = pseudo_truncate,
    .lookup = pseudo_lookup,
    .readlink = pseudo_readlink,
    .readdir = pseudo_readdir,
    .free = pseudo_free,
};

/* The operations of a link to a vnode. */
static const struct vnode_ops pseudo_jump_ops = {
    .readlink = read_jump,
    .follow = pseudo_follow,
    .free = pseudo_free,
};

/* The root and its file system, which exist for ever. */
struct pseudo_fs {
    struct filesystem fs;
    struct pseudo_entry root;
};

struct vnode *pseudo_root(const struct pseudo_dir *dir)
{
    static uint64_t next_dev = 16; /* boot only; behind those of the other file systems */
    struct pseudo_fs *pseudo = heap_alloc_zeroed(sizeof(*pseudo));

    if (!pseudo)
        return NULL;
    pseudo->fs = (struct filesystem){.name = "proc", .dev = next_dev++, .magic = PROC_SUPER_MAGIC};
    pseudo->root = (struct pseudo_entry){.mode = S_IFDIR | 0555, .dir = dir};
    struct vnode *root = node_create(&pseudo->fs, &pseudo->root, 0);
    if (!root) {
        heap_free(pseudo);
        return NULL;
    }
    root->ino = 1;
    return root;
}
