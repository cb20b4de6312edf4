/* The radix tree. Six bits of the index select the slot at each level. Lock: the user's. */
#include <linux/errno.h>
#include <fs/radix.h>
#include <mm/heap.h>

#define RADIX_BITS  6
#define RADIX_SLOTS (1u << RADIX_BITS)

struct radix_node {
    void *slots[RADIX_SLOTS]; /* nodes, or items on the lowest level; NULL: none */
};

/* Returns how many indexes one slot of a node at `height` covers. The lowest nodes have height
   1. */
static uint64_t slot_span(unsigned height)
{
    return 1ul << (RADIX_BITS * (height - 1));
}

static unsigned slot_of(uint64_t index, unsigned height)
{
    return index >> (RADIX_BITS * (height - 1)) & (RADIX_SLOTS - 1);
}

static bool index_fits(const struct radix *radix, uint64_t index)
{
    unsigned bits = radix->height * RADIX_BITS;

    return bits >= 64 || index >> bits == 0;
}

void *radix_find(const struct radix *radix, uint64_t index)
{
    void *at = radix->root;

    if (!index_fits(radix, index))
        return NULL;
    for (unsigned height = radix->height; at && height > 0; height--)
        at = ((struct radix_node *)at)->slots[slot_of(index, height)];
    return at;
}

/* Adds a level at the top. */
static int radix_grow(struct radix *radix)
{
    if (radix->root) {
        struct radix_node *node = heap_alloc_zeroed(sizeof(*node));
        if (!node)
            return -ENOMEM;
        node->slots[0] = radix->root;
        radix->root = node;
    }
    radix->height++;
    return 0;
}

int radix_insert(struct radix *radix, uint64_t index, void *item)
{
    while (!index_fits(radix, index)) {
        int err = radix_grow(radix);
        if (err)
            return err;
    }
    void **slot = &radix->root;
    for (unsigned height = radix->height; height > 0; height--) {
        if (!*slot)
            *slot = heap_alloc_zeroed(sizeof(struct radix_node));
        if (!*slot)
            return -ENOMEM; /* empty nodes stay, and a later insert uses them */
        slot = &((struct radix_node *)*slot)->slots[slot_of(index, height)];
    }
    *slot = item;
    return 0;
}

struct visitor {
    void (*each)(void *item, void *arg);
    void *arg;
};

/* Removes the items at or after `first`, which counts from the start of the subtree `at`. Returns
   the rest of the subtree, or NULL. The recursion is at most 11 deep, the height of the tree. */
static void *prune(void *at, unsigned height, uint64_t first, const struct visitor *drop)
{
    if (!at || (height == 0 && first > 0))
        return at;
    if (height == 0) {
        drop->each(at, drop->arg);
        return NULL;
    }
    struct radix_node *node = at;
    bool used = false;
    for (unsigned i = 0; i < RADIX_SLOTS; i++) {
        uint64_t start = i * slot_span(height);
        uint64_t from = first > start ? first - start : 0;

        if (from < slot_span(height))
            node->slots[i] = prune(node->slots[i], height - 1, from, drop);
        used |= node->slots[i] != NULL;
    }
    if (used)
        return node;
    heap_free(node);
    return NULL;
}

void radix_remove_from(struct radix *radix, uint64_t first, void (*drop)(void *item, void *arg),
                       void *arg)
{
    struct visitor visitor = {drop, arg};

    if (!index_fits(radix, first))
        return;
    radix->root = prune(radix->root, radix->height, first, &visitor);
    if (!radix->root)
        radix->height = 0;
}

static void visit(void *at, unsigned height, const struct visitor *visitor)
{
    if (!at)
        return;
    if (height == 0) {
        visitor->each(at, visitor->arg);
        return;
    }
    const struct radix_node *node = at;
    for (unsigned i = 0; i < RADIX_SLOTS; i++)
        visit(node->slots[i], height - 1, visitor);
}

void radix_for_each(const struct radix *radix, void (*each)(void *item, void *arg), void *arg)
{
    struct visitor visitor = {each, arg};

    visit(radix->root, radix->height, &visitor);
}
