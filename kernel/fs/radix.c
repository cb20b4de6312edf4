/* The radix tree. Six bits of the index select the slot at each level. Lock: the user's. */
#include <linux/errno.h>
#include <fs/radix.h>
#include <lib/panic.h>
#include <mm/heap.h>

#define RADIX_BITS  6
#define RADIX_SLOTS (1u << RADIX_BITS)

struct radix_node {
    void *slots[RADIX_SLOTS]; /* nodes, or items on the lowest level, with tags; NULL: none */
};

static void *slot_item(void *slot)
{
    return (void *)((uintptr_t)slot & ~(uintptr_t)RADIX_TAGS);
}

static unsigned slot_tags(void *slot)
{
    return (uintptr_t)slot & RADIX_TAGS;
}

static void *slot_make(void *item, unsigned tags)
{
    assert(!slot_tags(item) && !(tags & ~RADIX_TAGS));
    return (void *)((uintptr_t)item | tags);
}

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

/* Returns the slot of `index`, with tags; NULL if there is no item. */
static void *find_slot(const struct radix *radix, uint64_t index)
{
    void *at = radix->root;

    if (!index_fits(radix, index))
        return NULL;
    for (unsigned height = radix->height; at && height > 0; height--)
        at = ((struct radix_node *)slot_item(at))->slots[slot_of(index, height)];
    return at;
}

void *radix_find(const struct radix *radix, uint64_t index)
{
    return slot_item(find_slot(radix, index));
}

void *radix_look(const struct radix *radix, uint64_t index, unsigned *tags)
{
    void *slot = find_slot(radix, index);

    *tags = slot_tags(slot);
    return slot_item(slot);
}

/* Adds a level at the top. */
static int radix_grow(struct radix *radix)
{
    if (radix->root) {
        struct radix_node *node = heap_alloc_zeroed(sizeof(*node));
        if (!node)
            return -ENOMEM;
        node->slots[0] = radix->root;
        radix->root = slot_make(node, slot_tags(radix->root));
    }
    radix->height++;
    return 0;
}

int radix_insert(struct radix *radix, uint64_t index, void *item, unsigned tags)
{
    assert(index < RADIX_INDEX_MAX);
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
        slot = &((struct radix_node *)slot_item(*slot))->slots[slot_of(index, height)];
    }
    assert(!*slot);
    *slot = slot_make(item, 0);
    radix_retag(radix, index, 0, tags);
    return 0;
}

/* Returns the tags that the slots of a node have together. */
static unsigned node_tags(const struct radix_node *node)
{
    unsigned tags = 0;

    for (unsigned i = 0; i < RADIX_SLOTS; i++)
        tags |= slot_tags(node->slots[i]);
    return tags;
}

/* Changes the tags below `slot`, and then its own. The recursion is at most 10 deep, the height of
   the tree. */
static void retag(void **slot, unsigned height, uint64_t index, unsigned clear, unsigned set)
{
    struct radix_node *node = slot_item(*slot);
    unsigned tags = (slot_tags(*slot) & ~clear) | set;

    assert(node);
    if (height > 0) {
        retag(&node->slots[slot_of(index, height)], height - 1, index, clear, set);
        if (clear & slot_tags(*slot))
            tags = node_tags(node);
    }
    *slot = slot_make(node, tags);
}

void radix_retag(struct radix *radix, uint64_t index, unsigned clear, unsigned set)
{
    assert(index_fits(radix, index));
    retag(&radix->root, radix->height, index, clear, set);
}

/* Looks for an item in the subtree `slot`, from the index *at in it on. Sets `at` to its index in
   the subtree. */
static void *next_below(void *slot, unsigned height, uint64_t *at, unsigned tags)
{
    if (!slot || (tags && !(slot_tags(slot) & tags)))
        return NULL;
    if (height == 0)
        return slot_item(slot);
    const struct radix_node *node = slot_item(slot);
    uint64_t span = slot_span(height), below = *at % span;
    for (uint64_t i = *at / span; i < RADIX_SLOTS; i++, below = 0) {
        void *item = next_below(node->slots[i], height - 1, &below, tags);

        if (item) {
            *at = i * span + below;
            return item;
        }
    }
    return NULL;
}

void *radix_next(const struct radix *radix, uint64_t *index, uint64_t last, unsigned tags)
{
    uint64_t at = *index;

    if (!index_fits(radix, at) || at > last)
        return NULL;
    void *item = next_below(radix->root, radix->height, &at, tags);
    if (!item || at > last)
        return NULL;
    *index = at;
    return item;
}

struct removal {
    void (*drop)(void *item, void *arg);
    void *arg;
};

/* Removes the items from `first` to `last`, which count from the start of the subtree `at`. Returns
   the rest of the subtree, or NULL. The recursion is at most 10 deep, the height of the tree. */
static void *prune(void *at, unsigned height, uint64_t first, uint64_t last,
                   const struct removal *removal)
{
    if (!at)
        return NULL;
    if (height == 0) {
        removal->drop(slot_item(at), removal->arg);
        return NULL;
    }
    struct radix_node *node = slot_item(at);
    uint64_t span = slot_span(height);
    bool used = false;
    for (uint64_t i = 0; i < RADIX_SLOTS; i++) {
        uint64_t start = i * span;

        if (start + (span - 1) >= first && start <= last)
            node->slots[i] = prune(node->slots[i], height - 1, max(first, start) - start,
                                   min(last - start, span - 1), removal);
        used |= node->slots[i] != NULL;
    }
    if (used)
        return slot_make(node, node_tags(node));
    heap_free(node);
    return NULL;
}

void radix_remove(struct radix *radix, uint64_t first, uint64_t last,
                  void (*drop)(void *item, void *arg), void *arg)
{
    const struct removal removal = {drop, arg};

    if (!index_fits(radix, first) || first > last)
        return;
    radix->root = prune(radix->root, radix->height, first, last, &removal);
    if (!radix->root)
        radix->height = 0;
}

struct visitor {
    void (*each)(uint64_t index, void *item, unsigned tags, void *arg);
    void *arg;
};

static void visit(void *at, unsigned height, uint64_t index, const struct visitor *visitor)
{
    if (!at)
        return;
    if (height == 0) {
        visitor->each(index, slot_item(at), slot_tags(at), visitor->arg);
        return;
    }
    const struct radix_node *node = slot_item(at);
    for (unsigned i = 0; i < RADIX_SLOTS; i++)
        visit(node->slots[i], height - 1, index + i * slot_span(height), visitor);
}

void radix_for_each(const struct radix *radix,
                    void (*each)(uint64_t index, void *item, unsigned tags, void *arg), void *arg)
{
    struct visitor visitor = {each, arg};

    visit(radix->root, radix->height, 0, &visitor);
}
