/* The kernel's image in memory, as linker.ld lays it out: text, read-only data, then data up to
   image_end. */
#pragma once

#include <arch/page.h>

extern char image_start[], image_text_end[], image_rodata_end[], image_end[];
extern char boot_stack_guard[], boot_stack[], boot_stack_top[];

/* Returns the physical address of an object in the image. */
static inline paddr_t image_to_phys(const void *p)
{
    return (uint64_t)p - KERNEL_BASE;
}
