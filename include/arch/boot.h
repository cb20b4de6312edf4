/* What the boot loader told us, in one form for multiboot2 (GRUB) and PVH (qemu -kernel). */
#pragma once

#include <lib/base.h>

#define MAX_BOOT_RANGES 64

struct boot_range {
    paddr_t start, end; /* bytes; page aligned inwards */
};

enum boot_screen_kind {
    SCREEN_NONE,
    SCREEN_TEXT,   /* VGA text memory: 16 bits a cell; width and height count cells */
    SCREEN_PIXELS, /* a framebuffer of 32 bits a pixel; width and height count pixels */
};

/* What is shown on the screen, and where. */
struct boot_screen {
    enum boot_screen_kind kind;
    paddr_t addr;
    uint32_t pitch; /* bytes from one row to the next */
    uint32_t width, height;
    uint8_t red_shift, green_shift, blue_shift; /* of 8 bits each in a pixel */
};

struct boot_info {
    const char *loader;                     /* "PVH" or "multiboot2" */
    char cmdline[512];                      /* the kernel's command line */
    paddr_t initrd_start, initrd_end;       /* the cpio image; equal if there is none */
    paddr_t rsdp;                           /* of ACPI's root pointer; 0: none */
    struct boot_range ram[MAX_BOOT_RANGES]; /* usable memory, ascending, from 1 MiB on */
    unsigned nram;
    paddr_t max_addr; /* end of the highest range */
    struct boot_screen screen;
};

extern struct boot_info boot_info;

/* The command-line word `name`: its value ("" for a bare word), or NULL. `buf` holds the value. */
const char *boot_option(const char *name, char *buf, size_t size);

/* Takes `npages` contiguous zeroed pages for ever; only before frame_init. Panics if there are none. */
paddr_t boot_alloc(size_t npages);

/* Walks the usable memory that neither the kernel, nor the initrd, nor boot_alloc has; frame_init's source. */
void boot_free_ranges(void (*each)(paddr_t start, paddr_t end));

/* The rest of the kernel, in main.c: called when boot_info is filled. */
void kernel_main(void);
