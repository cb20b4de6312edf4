/* Copying what the boot loader passed, before it is overwritten; and the first allocator.

   Memory is a set of ranges at this point. `boot_info.ram` is the usable memory. `taken` is the
   part of it that is in use: the kernel's image, the initial RAM disk, and what boot_alloc has
   given away. Both lists are short and sorted. boot_alloc takes the lowest place that fits, so its
   memory is one or two ranges that grow.

   Always true: after boot_main, no pointer leads into the loader's memory. Nothing that the loader
   wrote is trusted to be whole. boot_check tells a person what was wrong, once messages are
   visible. No locks: only one CPU runs. */
#include <arch/boot.h>
#include <arch/console.h>
#include <arch/page.h>
#include <lib/panic.h>
#include <lib/string.h>
#include "image.h"

#define LOW_MEMORY_END 0x100000ul /* firmware is below, and room to start other CPUs */
#define LOW_RAM_END    0xa0000ul  /* the screen's memory comes next */
#define MAX_TAKEN      16

#define MEMORY_USABLE 1 /* of multiboot2 and PVH; the BIOS's own type */

struct boot_info boot_info;

static struct boot_range taken[MAX_TAKEN];
static unsigned ntaken;

/* What is wrong with the loader's information; NULL: nothing was found. */
static const char *problem;

/* The memory of ranges that found no place in boot_info.ram. */
static uint64_t lost_bytes;

void boot_check(void)
{
    if (problem)
        boot_fail("the information of the boot loader is damaged: %s", problem);
    if (lost_bytes)
        printk("boot: the memory map has too many ranges; %lu MiB of memory are left unused\n",
               lost_bytes >> 20);
}

/* ---- Ranges ---- */

/* The list has room. */
static void range_insert(struct boot_range *list, unsigned *n, struct boot_range new)
{
    unsigned at = (*n)++;
    for (; at > 0 && list[at - 1].start > new.start; at--)
        list[at] = list[at - 1];
    list[at] = new;
}

/* Joins neighbours of the sorted list that touch or overlap. */
static void ranges_merge(struct boot_range *list, unsigned *n)
{
    unsigned last = 0;
    for (unsigned i = 1; i < *n; i++) {
        if (list[i].start <= list[last].end)
            list[last].end = max(list[last].end, list[i].end);
        else
            list[++last] = list[i];
    }
    if (*n > 0)
        *n = last + 1;
}

/* Keeps the last page of usable memory below 640 KiB. The page at 0 holds the BIOS's data. */
static void low_ram_add(paddr_t start, paddr_t end)
{
    paddr_t last = page_floor(min(end, LOW_RAM_END));

    if (last >= max(page_ceil(start), PAGE_SIZE) + PAGE_SIZE)
        boot_info.low_page = last - PAGE_SIZE;
}

static void ram_insert(struct boot_range new)
{
    if (boot_info.nram == MAX_BOOT_RANGES)
        ranges_merge(boot_info.ram, &boot_info.nram);
    if (boot_info.nram < MAX_BOOT_RANGES)
        range_insert(boot_info.ram, &boot_info.nram, new);
    else
        lost_bytes += new.end - new.start;
}

static void ram_add(paddr_t start, uint64_t size, unsigned type)
{
    if (type != MEMORY_USABLE)
        return;
    if (size > UINT64_MAX - start) {
        problem = "a range of memory has no end";
        return;
    }
    if (start < LOW_RAM_END)
        low_ram_add(start, start + size);
    struct boot_range new = {page_ceil(max(start, LOW_MEMORY_END)), page_floor(start + size)};
    if (new.start < new.end)
        ram_insert(new);
}

static void range_take(paddr_t start, paddr_t end)
{
    assert(ntaken < MAX_TAKEN);
    if (start < end)
        range_insert(taken, &ntaken, (struct boot_range){page_floor(start), page_ceil(end)});
    ranges_merge(taken, &ntaken);
}

/* Finds the first free range at or above `from`. Returns false if there is none. */
static bool free_next(paddr_t from, struct boot_range *found)
{
    for (unsigned i = 0; i < boot_info.nram; i++) {
        struct boot_range r = {max(boot_info.ram[i].start, from), boot_info.ram[i].end};
        for (unsigned t = 0; t < ntaken; t++) {
            if (taken[t].end <= r.start)
                continue;
            if (taken[t].start > r.start) {
                r.end = min(r.end, taken[t].start);
                break;
            }
            r.start = taken[t].end;
        }
        if (r.start < r.end) {
            *found = r;
            return true;
        }
    }
    return false;
}

paddr_t boot_alloc(size_t npages)
{
    struct boot_range r = {0};
    while (free_next(r.end, &r)) {
        if (r.end - r.start < npages * PAGE_SIZE)
            continue;
        range_take(r.start, r.start + npages * PAGE_SIZE);
        memset(phys_to_virt(r.start), 0, npages * PAGE_SIZE);
        return r.start;
    }
    panic("boot_alloc: no %zu contiguous free pages", npages);
}

/* Memory that the firmware and the loader keep for themselves. */
#define FIRMWARE_BYTES (256ul << 10)

static uint64_t to_mib(uint64_t bytes)
{
    return round_up(bytes, 1ul << 20) >> 20;
}

bool boot_has_memory(paddr_t addr)
{
    for (unsigned i = 0; i < boot_info.nram; i++)
        if (addr >= boot_info.ram[i].start && addr < boot_info.ram[i].end)
            return true;
    return false;
}

void boot_require_memory(uint64_t bytes)
{
    uint64_t have = LOW_MEMORY_END;
    uint64_t needed = image_to_phys(image_end) + bytes;

    needed += boot_info.initrd_end - boot_info.initrd_start;
    for (unsigned i = 0; i < boot_info.nram; i++)
        have += boot_info.ram[i].end - boot_info.ram[i].start;
    if (have < needed)
        boot_fail("it needs %lu MiB of memory, and this machine has %lu MiB",
                  to_mib(needed + FIRMWARE_BYTES), to_mib(have));
}

void boot_free_ranges(void (*each)(paddr_t start, paddr_t end))
{
    struct boot_range r = {0};
    while (free_next(r.end, &r))
        each(r.start, r.end);
}

void boot_free_initrd(void (*each)(paddr_t start, paddr_t end))
{
    paddr_t first = max(page_floor(boot_info.initrd_start), image_to_phys(image_end));
    paddr_t last = page_ceil(boot_info.initrd_end);

    if (boot_info.initrd_start == boot_info.initrd_end)
        return;
    for (unsigned i = 0; i < boot_info.nram; i++) {
        paddr_t start = max(first, boot_info.ram[i].start), end = min(last, boot_info.ram[i].end);
        if (start < end)
            each(start, end);
    }
}

/* Copies the command line, which ends with a 0 or after `size` bytes. */
static void read_cmdline(const char *text, size_t size)
{
    size_t len = 0;

    while (len < size && len < sizeof(boot_info.cmdline) - 1 && text[len])
        len++;
    memcpy(boot_info.cmdline, text, len);
    boot_info.cmdline[len] = '\0';
}

static void read_initrd(paddr_t start, paddr_t end)
{
    if (start > end)
        problem = "the initial RAM disk ends before it starts";
    boot_info.initrd_start = start;
    boot_info.initrd_end = end;
}

/* The screen, if the loader does not describe it: text, if the BIOS left the VGA in mode 3. Source:
   the BIOS data area (IBM PS/2 BIOS technical reference, 0x449). */

#define VGA_TEXT_ADDR    0xb8000
#define VGA_TEXT_COLUMNS 80
#define VGA_TEXT_ROWS    25
#define BIOS_VIDEO_MODE  0x449
#define BIOS_MODE_TEXT   3

static void bios_read_screen(void)
{
    if (*(const volatile uint8_t *)phys_to_virt(BIOS_VIDEO_MODE) != BIOS_MODE_TEXT)
        return;
    boot_info.screen = (struct boot_screen){
        .kind = SCREEN_TEXT,
        .addr = VGA_TEXT_ADDR,
        .pitch = VGA_TEXT_COLUMNS * sizeof(uint16_t),
        .width = VGA_TEXT_COLUMNS,
        .height = VGA_TEXT_ROWS,
    };
}

/* ---- PVH (Xen's start_info.h) ---- */

struct pvh_info {
    uint32_t magic, version, flags, nmodules;
    uint64_t modules, cmdline, rsdp, memmap;
    uint32_t nmemmap, reserved;
};

struct pvh_module {
    uint64_t start, size, cmdline, reserved;
};

struct pvh_memory {
    uint64_t start, size;
    uint32_t type, reserved;
};

#define PVH_MAGIC 0x336ec578

/* Returns the object of `size` bytes at `addr`, or NULL if the early tables do not map all of
   it. */
static const void *early_object(paddr_t addr, size_t size)
{
    bool is_mapped = addr && size <= EARLY_MAP_END && addr <= EARLY_MAP_END - size;

    return is_mapped ? phys_to_virt(addr) : NULL;
}

static void pvh_read(const struct pvh_info *info)
{
    boot_info.loader = "PVH";
    boot_info.rsdp = info->rsdp;
    const char *cmdline = early_object(info->cmdline, sizeof boot_info.cmdline);
    if (cmdline)
        read_cmdline(cmdline, sizeof(boot_info.cmdline));
    const struct pvh_module *module = early_object(info->modules, sizeof *module);
    if (info->nmodules > 0 && module)
        read_initrd(module->start, module->start + module->size);
    size_t size = info->nmemmap * sizeof(struct pvh_memory);
    const struct pvh_memory *map = info->version > 0 ? early_object(info->memmap, size) : NULL;
    if (info->version > 0 && !map)
        problem = "the memory map is out of reach";
    for (unsigned i = 0; map && i < info->nmemmap; i++)
        ram_add(map[i].start, map[i].size, map[i].type);
    bios_read_screen();
}

/* ---- Multiboot2 (specification 3.6) ---- */

struct multiboot2_tag {
    uint32_t type, size;
};

struct multiboot2_cmdline {
    struct multiboot2_tag tag;
    char text[];
};

struct multiboot2_module {
    struct multiboot2_tag tag;
    uint32_t start, end;
};

struct multiboot2_memmap {
    struct multiboot2_tag tag;
    uint32_t entry_size, entry_version;
    char entries[];
};

struct multiboot2_memory {
    uint64_t start, size;
    uint32_t type, reserved;
};

struct multiboot2_rsdp {
    struct multiboot2_tag tag;
    uint8_t rsdp[];
};

struct multiboot2_screen {
    struct multiboot2_tag tag;
    uint64_t addr;
    uint32_t pitch, width, height;
    uint8_t bits, type;
    uint16_t reserved;
    struct {
        uint8_t shift, bits;
    } red, green, blue; /* MULTIBOOT2_SCREEN_RGB */
};

#define MULTIBOOT2_MAGIC       0x36d76289
#define MULTIBOOT2_TAG_END     0
#define MULTIBOOT2_TAG_CMDLINE 1
#define MULTIBOOT2_TAG_MODULE  3
#define MULTIBOOT2_TAG_MEMMAP  6
#define MULTIBOOT2_TAG_SCREEN  8
#define MULTIBOOT2_TAG_RSDP    14 /* of ACPI 1 */
#define MULTIBOOT2_TAG_RSDP2   15 /* of ACPI 2 and later; preferred */

#define MULTIBOOT2_SCREEN_MIN  30 /* the size without the components, which only RGB has */
#define MULTIBOOT2_SCREEN_RGB  1
#define MULTIBOOT2_SCREEN_TEXT 2

/* Reads the entries that are whole. A later version of the loader may make them longer. */
static void multiboot2_read_memmap(const struct multiboot2_memmap *map)
{
    size_t left = map->tag.size - sizeof(*map);
    const char *p = map->entries;

    if (map->entry_size < sizeof(struct multiboot2_memory)) {
        problem = "the entries of the memory map are too short";
        return;
    }
    for (; left >= map->entry_size; left -= map->entry_size, p += map->entry_size) {
        struct multiboot2_memory entry;
        memcpy(&entry, p, sizeof(entry)); /* it may be at any address */
        ram_add(entry.start, entry.size, entry.type);
    }
}

static void multiboot2_read_module(const struct multiboot2_module *module)
{
    if (!boot_info.initrd_end)
        read_initrd(module->start, module->end);
}

/* Sets the RSDP to the copy of it in the tag. The tag has no address. */
static void multiboot2_read_rsdp(const struct multiboot2_rsdp *tag)
{
    static uint8_t copy[64] __aligned(8);
    static uint32_t type;
    if (tag->tag.type < type)
        return;
    type = tag->tag.type;
    memcpy(copy, tag->rsdp, min(tag->tag.size - sizeof tag->tag, sizeof copy));
    boot_info.rsdp = image_to_phys(copy);
}

static enum boot_screen_kind multiboot2_screen_kind(const struct multiboot2_screen *tag)
{
    if (tag->type == MULTIBOOT2_SCREEN_TEXT)
        return SCREEN_TEXT;
    bool good = tag->type == MULTIBOOT2_SCREEN_RGB && tag->tag.size >= MULTIBOOT2_SCREEN_MIN + 8 &&
                tag->bits == 32 && tag->red.bits == 8;
    return good ? SCREEN_PIXELS : SCREEN_NONE;
}

static void multiboot2_read_screen(const struct multiboot2_screen *tag)
{
    boot_info.screen = (struct boot_screen){
        .kind = multiboot2_screen_kind(tag),
        .addr = tag->addr,
        .pitch = tag->pitch,
        .width = tag->width,
        .height = tag->height,
    };
    if (boot_info.screen.kind != SCREEN_PIXELS)
        return;
    boot_info.screen.red_shift = tag->red.shift;
    boot_info.screen.green_shift = tag->green.shift;
    boot_info.screen.blue_shift = tag->blue.shift;
}

/* Returns the size that a tag of this type has at least. */
static size_t multiboot2_size_min(uint32_t type)
{
    switch (type) {
    case MULTIBOOT2_TAG_MODULE:
        return sizeof(struct multiboot2_module);
    case MULTIBOOT2_TAG_MEMMAP:
        return sizeof(struct multiboot2_memmap);
    case MULTIBOOT2_TAG_SCREEN:
        return MULTIBOOT2_SCREEN_MIN;
    default:
        return sizeof(struct multiboot2_tag);
    }
}

static void multiboot2_read_tag(const struct multiboot2_tag *tag)
{
    switch (tag->type) {
    case MULTIBOOT2_TAG_CMDLINE:
        read_cmdline(((const struct multiboot2_cmdline *)tag)->text, tag->size - sizeof(*tag));
        break;
    case MULTIBOOT2_TAG_MODULE:
        multiboot2_read_module((const struct multiboot2_module *)tag);
        break;
    case MULTIBOOT2_TAG_MEMMAP:
        multiboot2_read_memmap((const struct multiboot2_memmap *)tag);
        break;
    case MULTIBOOT2_TAG_SCREEN:
        multiboot2_read_screen((const struct multiboot2_screen *)tag);
        break;
    case MULTIBOOT2_TAG_RSDP:
    case MULTIBOOT2_TAG_RSDP2:
        multiboot2_read_rsdp((const struct multiboot2_rsdp *)tag);
        break;
    }
}

/* Reads the tags, each at a multiple of 8 behind the one before it, up to the end tag. */
static void multiboot2_read(const char *info)
{
    uint32_t size = *(const uint32_t *)info;

    boot_info.loader = "multiboot2";
    for (uint64_t at = 8; at + sizeof(struct multiboot2_tag) <= size;) {
        const struct multiboot2_tag *tag = (const void *)(info + at);
        if (tag->type == MULTIBOOT2_TAG_END)
            return;
        if (tag->size < multiboot2_size_min(tag->type) || tag->size > size - at)
            break;
        multiboot2_read_tag(tag);
        at += round_up((uint64_t)tag->size, 8);
    }
    problem = "a tag has an impossible size, or the last one is missing";
}

/* The first C code, which boot.S calls on the early tables. */
void boot_main(uint32_t magic, paddr_t info);
void boot_main(uint32_t magic, paddr_t info)
{
    if (magic == PVH_MAGIC)
        pvh_read(phys_to_virt(info));
    else if (magic == MULTIBOOT2_MAGIC)
        multiboot2_read(phys_to_virt(info));
    ranges_merge(boot_info.ram, &boot_info.nram);
    if (boot_info.nram > 0)
        boot_info.max_addr = boot_info.ram[boot_info.nram - 1].end;
    range_take(image_to_phys(image_start), image_to_phys(image_end));
    range_take(boot_info.initrd_start, boot_info.initrd_end);
    kernel_main();
}

/* ---- The command line: words separated by blanks ---- */

static const char *word_end(const char *word)
{
    while (*word && *word != ' ')
        word++;
    return word;
}

const char *boot_option(const char *name, char *buf, size_t size)
{
    size_t len = strlen(name);
    for (const char *word = boot_info.cmdline; *word; word = word_end(word)) {
        while (*word == ' ')
            word++;
        const char *end = word_end(word);
        if (strncmp(word, name, len) != 0 || (word + len != end && word[len] != '='))
            continue;
        const char *value = word + len == end ? end : word + len + 1;
        strlcpy(buf, value, min(size, (size_t)(end - value) + 1));
        return buf;
    }
    return NULL;
}
