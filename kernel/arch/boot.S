/* From the boot loader to C.

   One ELF file can be booted in two ways: GRUB reads its multiboot2 header, and qemu -kernel its
   PVH note. Both enter here in 32-bit protected mode, without paging, at a physical address; ebx
   points to the loader's information. The image is linked at KERNEL_BASE + 1 MiB and loaded at 1
   MiB, so the physical address of a symbol is symbol - KERNEL_BASE: PHYS().

   The early tables map the first 4 GiB at 0, where this code runs until the jump, and at
   DIRECT_MAP_BASE, where boot.c reads the loader's information. They map the first GiB at
   KERNEL_BASE. paging_init replaces them.

   Sources: Multiboot2 specification 3.1; Xen's start_info.h (the PVH boot ABI); SDM 3A 9.8.5 (to
   long mode). */

#include "offsets.h"

#define PHYS(symbol) (symbol - ASM_KERNEL_BASE)

#define MULTIBOOT2_HEADER_MAGIC 0xe85250d6
#define PVH_MAGIC               0x336ec578
#define XEN_ELFNOTE_PHYS32_ENTRY 18

#define EFLAGS_ID          (1 << 21)             /* can be changed if there is CPUID */
#define CPUID_LONG_MODE_NX ((1 << 29) | (1 << 20))
#define COM1               0x3f8
#define DEBUG_EXIT_PORT    0xf4
#define DEBUG_EXIT_BOOT    0x12                  /* power.c */
#define CR4_PAE            (1 << 5)
#define MSR_EFER           0xc0000080
#define EFER_LME           (1 << 8)
#define CR0_PG             (1 << 31)

        .section .boot, "ax"

        .balign 8
multiboot2_header:
        .long MULTIBOOT2_HEADER_MAGIC
        .long 0                                  # i386 protected mode
        .long multiboot2_header_end - multiboot2_header
        .long -(MULTIBOOT2_HEADER_MAGIC + multiboot2_header_end - multiboot2_header)
        .balign 8
        .word 3, 0                               # where to start: a physical address
        .long 12, PHYS(boot_multiboot2)
        .balign 8
        .word 6, 0                               # modules start on page boundaries
        .long 8
        .balign 8
        .word 5, 1                               # a framebuffer would be nice: width, height, depth
        .long 20, 1024, 768, 32
        .balign 8
        .word 0, 0                               # the end of the tags
        .long 8
multiboot2_header_end:

        .code32
        .globl boot_multiboot2, boot_pvh
boot_multiboot2:
        mov     %eax, %edi
        jmp     1f
boot_pvh:
        mov     $PVH_MAGIC, %edi
1:      mov     %ebx, %esi
        cli
        cld

        # Without memory up to the end of the image, there is no stack.
        mov     $PHYS(too_little_memory), %ebx
        mov     $0x5a0ff0a5, %eax
        mov     %eax, PHYS(image_end) - 4
        cmp     %eax, PHYS(image_end) - 4
        jne     boot_refuse
        movl    $0, PHYS(image_end) - 4          # .bss starts as zeros
        mov     $PHYS(boot_stack_top), %esp

        mov     $PHYS(unsupported_cpu), %ebx
        pushf
        pop     %eax
        mov     %eax, %ecx
        xor     $EFLAGS_ID, %eax
        push    %eax
        popf
        pushf
        pop     %eax
        cmp     %eax, %ecx
        je      boot_refuse
        push    %ebx
        mov     $0x80000000, %eax
        cpuid
        cmp     $0x80000001, %eax
        jb      1f
        mov     $0x80000001, %eax
        cpuid
        and     $CPUID_LONG_MODE_NX, %edx
        cmp     $CPUID_LONG_MODE_NX, %edx
1:      pop     %ebx
        jne     boot_refuse

        mov     $CR4_PAE, %eax
        mov     %eax, %cr4
        mov     $PHYS(early_root), %eax
        mov     %eax, %cr3
        mov     $MSR_EFER, %ecx
        rdmsr
        or      $EFER_LME, %eax
        wrmsr
        mov     %cr0, %eax
        or      $CR0_PG, %eax
        mov     %eax, %cr0                       # long mode, but still a 32-bit code segment
        lgdt    PHYS(early_gdt_pointer)
        ljmp    $8, $PHYS(boot_long)

/* Prints the text at ebx on the serial line, and ends the machine as boot_fail does. */
boot_refuse:
        mov     $COM1, %dx
1:      mov     (%ebx), %al
        inc     %ebx
        outb    %al, %dx
        cmp     $'\n', %al
        jne     1b
        mov     $DEBUG_EXIT_BOOT, %eax
        mov     $DEBUG_EXIT_PORT, %dx
        outl    %eax, %dx
2:      hlt
        jmp     2b

unsupported_cpu:
        .ascii "Pagoda cannot start: it needs a 64-bit CPU with the NX bit\r\n"
too_little_memory:
        .ascii "Pagoda cannot start: it needs 8 MiB of memory, and more for a large RAM disk\r\n"

        .code64
boot_long:
        movabs  $boot_high, %rax
        jmp     *%rax
boot_high:
        lea     boot_stack_top(%rip), %rsp
        xor     %eax, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     %eax, %fs
        mov     %eax, %gs
        xor     %ebp, %ebp                       # the last frame of every backtrace
        call    boot_main                        # (magic, where the loader's information is)
        ud2

        .section .rodata, "a"
        .balign 8
early_gdt:
        .quad 0
        .quad 0x00209a0000000000                 # 64-bit code, ring 0 (SDM 3A 3.4.5)
early_gdt_pointer:
        .word early_gdt_pointer - early_gdt - 1
        .long PHYS(early_gdt)

        .section .note.Xen, "a", @note
        .long 4, 4, XEN_ELFNOTE_PHYS32_ENTRY
        .asciz "Xen"
        .long PHYS(boot_pvh)

#define TABLE  0x003                             /* present, writable */
#define LARGE  0x083                             /* and a page of 2 MiB */

        .section .data
        .balign 4096
        .globl early_root
early_root:
        .quad PHYS(early_low) + TABLE
        .fill 255, 8, 0
        .quad PHYS(early_low) + TABLE            # DIRECT_MAP_BASE
        .fill 254, 8, 0
        .quad PHYS(early_high) + TABLE           # KERNEL_BASE
early_low:
        .quad PHYS(early_pages) + TABLE
        .quad PHYS(early_pages) + 0x1000 + TABLE
        .quad PHYS(early_pages) + 0x2000 + TABLE
        .quad PHYS(early_pages) + 0x3000 + TABLE
        .fill 508, 8, 0
early_high:
        .fill 510, 8, 0
        .quad PHYS(early_pages) + TABLE
        .quad 0
early_pages:
        .set address, 0
        .rept 4 * 512
        .quad address + LARGE
        .set address, address + 0x200000
        .endr

        .section .bss
        .balign 4096
        .globl boot_stack_guard, boot_stack, boot_stack_top
boot_stack_guard:                                # paging_init takes this page away
        .skip 4096
boot_stack:
        .skip ASM_BOOT_STACK_SIZE
boot_stack_top:

        .section .note.GNU-stack, "", @progbits
