/* The information from the boot loader, in one form for multiboot2 (GRUB) and PVH (qemu
   -kernel). */
#pragma once

#include <lib/base.h>

#define MAX_BOOT_RANGES 64

/* The end of the physical memory that phys_to_virt reaches before paging_init. */
#define EARLY_MAP_END (4ul << 30)

struct boot_range {
    paddr_t start, end; /* bytes; rounded inwards to pages */
};

enum boot_screen_kind {
    SCREEN_NONE,
    SCREEN_TEXT,   /* VGA text memory, 16 bits a cell; width and height count cells */
    SCREEN_PIXELS, /* a framebuffer, 32 bits a pixel; width and height count pixels */
};

/* The screen that the firmware or the loader has set up. */
struct boot_screen {
    enum boot_screen_kind kind;
    paddr_t addr;
    uint32_t pitch; /* bytes from the start of a row to that of the next */
    uint32_t width, height;
    uint8_t red_shift, green_shift, blue_shift; /* positions of the 8-bit components in a pixel */
};

struct boot_info {
    const char *loader;                     /* "PVH" or "multiboot2" */
    char cmdline[512];                      /* the kernel's command line */
    paddr_t initrd_start, initrd_end;       /* the initial RAM disk, a cpio image; equal: none */
    paddr_t rsdp;                           /* address of ACPI's root pointer; 0: none */
    struct boot_range ram[MAX_BOOT_RANGES]; /* usable memory from 1 MiB on, ascending */
    unsigned nram;
    paddr_t max_addr; /* end of the highest range */
    paddr_t low_page; /* a usable page below 640 KiB; 0: none */
    struct boot_screen screen;
};

extern struct boot_info boot_info;

/* Fails the boot if the loader's information is damaged, and says how much memory a long memory map
   leaves unused. */
void boot_check(void);

/* Finds the word `name` or `name=VALUE` on the kernel's command line. Returns its value, which is
   in `buf` and "" for a bare word, or NULL. */
const char *boot_option(const char *name, char *buf, size_t size);

/* Takes `npages` contiguous zeroed pages for ever. Only before frame_init. Panics if there are
   none. */
paddr_t boot_alloc(size_t npages);

/* Calls `each` for every range of usable memory that neither the kernel nor the initial RAM disk
   nor boot_alloc uses. frame_init takes its frames from here. */
void boot_free_ranges(void (*each)(paddr_t start, paddr_t end));

/* Returns true if there is memory at a physical address. */
bool boot_has_memory(paddr_t addr);

/* Fails the boot unless the usable memory holds `bytes` beside the kernel's image and the initial
   RAM disk. Before paging_init, which is the first to take memory. */
void boot_require_memory(uint64_t bytes);

/* Ends a boot that cannot succeed on this machine, and the machine with it. Prints one sentence,
   "Pagoda cannot start: ...", even if "quiet" is on the command line. */
__noreturn __printf(1, 2) void boot_fail(const char *fmt, ...);

/* Calls `each` for the usable memory that the initial RAM disk takes, which is no longer needed.
   Once, after frame_init. */
void boot_free_initrd(void (*each)(paddr_t start, paddr_t end));

/* Starts the rest of the kernel (main.c). boot_info is filled. */
void kernel_main(void);
