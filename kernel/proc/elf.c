/* ELF programs (System V ABI, chapters 4 and 5; AMD64 supplement).

   A PT_LOAD segment becomes one region, whose pages come from the page cache of the file. Behind
   the segment's bytes in the file it reads as zeros (bss). If a segment has no bss, its last page
   may show the bytes that follow in the file, as on Linux, so that the page is shared and not
   copied.

   The stack can be executed if the program asks for it (PT_GNU_STACK with PF_X).

   Lock: that of the new vspace, which no other thread knows yet (vm/map.c). */

#include <linux/elf.h>
#include <linux/errno.h>
#include <fs/pagecache.h>
#include <fs/vnode.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <proc/elf.h>

#define MAX_PHDRS (65536 / sizeof(struct elf64_phdr)) /* as on Linux */
#define PIE_BASE  0x0000555555554000ul /* where position-independent programs go, as on Linux */

/* Returns true if the header is that of a program for this machine. The machine says the class and
   the order of bytes, so that, as on Linux, those in e_ident do not count. */
static bool elf_is_supported(const struct elf64_hdr *header)
{
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           (header->e_type == ET_EXEC || header->e_type == ET_DYN) &&
           header->e_machine == EM_X86_64 && header->e_phentsize == sizeof(struct elf64_phdr) &&
           header->e_phnum >= 1 && header->e_phnum <= MAX_PHDRS;
}

/* Reads `len` bytes of the file. Returns -ENOEXEC if it ends before that. */
static int read_all(struct vnode *exe, uint64_t offset, void *buf, size_t len)
{
    ssize_t got = pagecache_read_kernel(exe->cache, offset, buf, len);

    if (got < 0)
        return got;
    return (size_t)got == len ? 0 : -ENOEXEC;
}

/* Returns true if the segment can be mapped: it is in the user half, with and without the bias, and
   the address of bytes from the file agrees with their offset there modulo the page size. */
static bool segment_is_sane(const struct elf64_phdr *segment, uint64_t bias)
{
    uaddr_t start = segment->p_vaddr + bias;

    return start >= USER_START && start < USER_END && segment->p_vaddr < USER_END &&
           segment->p_memsz <= USER_END - start && segment->p_filesz <= segment->p_memsz &&
           segment->p_offset <= INT64_MAX && segment->p_filesz <= INT64_MAX - segment->p_offset &&
           (segment->p_filesz == 0 || segment->p_offset % PAGE_SIZE == start % PAGE_SIZE);
}

static unsigned segment_prot(const struct elf64_phdr *segment)
{
    return (segment->p_flags & PF_R ? PROT_R : 0) | (segment->p_flags & PF_W ? PROT_W : 0) |
           (segment->p_flags & PF_X ? PROT_X : 0);
}

static int map_segment(struct vnode *exe, struct vspace *vspace, const struct elf64_phdr *segment,
                       uint64_t bias)
{
    uaddr_t start = segment->p_vaddr + bias, end = start + segment->p_memsz;
    struct map_request request = {
        .start = page_floor(start),
        .len = page_ceil(end) - page_floor(start),
        .prot = segment_prot(segment),
        .kind = VREGION_MAP,
        .fixed = true,
    };

    if (segment->p_filesz > 0) {
        request.pager = &exe->cache->pager;
        request.pager_page = segment->p_offset >> PAGE_SHIFT;
        request.data_end =
            segment->p_filesz < segment->p_memsz ? start + segment->p_filesz : DATA_FILLS;
    }
    return vspace_map(vspace, &request, &start);
}

/* Widens [*start, *end) by the segment's bytes in the file. The range is empty if *end is 0. */
static void include_segment(uaddr_t *start, uaddr_t *end, const struct elf64_phdr *segment,
                            uint64_t bias)
{
    uaddr_t from = segment->p_vaddr + bias;

    *start = *end ? min(*start, from) : from;
    *end = max(*end, from + segment->p_filesz);
}

static void note_segment(struct elf_image *image, const struct elf64_phdr *segment, uint64_t bias)
{
    if (segment->p_flags & PF_X)
        include_segment(&image->code_start, &image->code_end, segment, bias);
    if (segment->p_flags & PF_W)
        include_segment(&image->data_start, &image->data_end, segment, bias);
    image->end = max(image->end, (uaddr_t)(segment->p_vaddr + bias + segment->p_memsz));
}

/* Returns what is added to the addresses of the program. The first segment of one that is position
   independent goes to PIE_BASE, or below it to the largest alignment that a segment asks for. */
static uint64_t choose_bias(const struct elf64_hdr *header, const struct elf64_phdr *segments)
{
    const struct elf64_phdr *first = NULL;
    uint64_t align = PAGE_SIZE;

    if (header->e_type != ET_DYN)
        return 0;
    for (unsigned n = 0; n < header->e_phnum; n++) {
        if (segments[n].p_type != PT_LOAD)
            continue;
        if (!first)
            first = &segments[n];
        if ((segments[n].p_align & (segments[n].p_align - 1)) == 0)
            align = max(align, segments[n].p_align);
    }
    return first ? (PIE_BASE & -align) - page_floor(first->p_vaddr) : 0;
}

static int load_segments(struct vnode *exe, struct vspace *vspace, const struct elf64_hdr *header,
                         const struct elf64_phdr *segments, struct elf_image *image)
{
    uint64_t bias = choose_bias(header, segments);

    *image = (struct elf_image){.entry = header->e_entry + bias, .nphdrs = header->e_phnum};
    for (unsigned n = 0; n < header->e_phnum; n++) {
        const struct elf64_phdr *segment = &segments[n];

        if (segment->p_type == PT_INTERP)
            return -ENOEXEC; /* a dynamic program needs a linker */
        if (segment->p_type == PT_GNU_STACK)
            image->has_exec_stack = segment->p_flags & PF_X;
        if (segment->p_type != PT_LOAD)
            continue;
        if (!segment_is_sane(segment, bias))
            return -ENOEXEC;
        if (segment->p_memsz == 0)
            continue;
        int err = map_segment(exe, vspace, segment, bias);
        if (err)
            return err;
        if (header->e_phoff >= segment->p_offset &&
            header->e_phoff < segment->p_offset + segment->p_filesz)
            image->phdrs = segment->p_vaddr + bias + (header->e_phoff - segment->p_offset);
        note_segment(image, segment, bias);
    }
    return image->end && image->entry < USER_END ? 0 : -ENOEXEC;
}

int elf_load(struct vnode *exe, struct vspace *vspace, struct elf_image *image)
{
    struct elf64_hdr header;
    int err = read_all(exe, 0, &header, sizeof(header));

    if (err)
        return err;
    if (!elf_is_supported(&header))
        return -ENOEXEC;
    size_t len = header.e_phnum * sizeof(struct elf64_phdr);
    struct elf64_phdr *segments = heap_alloc(len);
    if (!segments)
        return -ENOMEM;
    err = read_all(exe, header.e_phoff, segments, len);
    if (!err)
        err = load_segments(exe, vspace, &header, segments, image);
    heap_free(segments);
    return err;
}
