/* The path of another CPU from its first instruction to C (smp.c).

   The CPU starts in real mode at the page that the startup IPI names. smp.c copies smp_trampoline
   there. The trampoline enters protected mode and jumps into the image. The rest is the path of
   boot.S: the early tables, long mode, and a jump to the high half. Then come the kernel's own
   tables, because the CPU's stack is mapped only there.

   A CPU that starts after smp.c has ceased to wait for it must not take the stack of another.
   So it goes on only if smp_awaited holds the number of its local APIC, which it replaces by
   ASM_SMP_CLAIMED.

   Sources: SDM 3A 8.4 (start of the other processors), 9.8.5 (to long mode). */

#include "offsets.h"

#define PHYS(symbol) (symbol - ASM_KERNEL_BASE)

#define CR4_PAE   (1 << 5)
#define MSR_EFER  0xc0000080
#define EFER_LME  (1 << 8)
#define EFER_NXE  (1 << 11)
#define CR0_PE    (1 << 0)
#define CR0_START ((1 << 31) | (1 << 5) | (1 << 4) | (1 << 1) | (1 << 0)) /* PG NE ET MP PE */

        .section .rodata, "a"
        .code16
        .globl smp_trampoline, smp_trampoline_end
smp_trampoline:
        cli
        cld
        mov     %cs, %ax
        mov     %ax, %ds
        lgdtl   smp_gdt_pointer - smp_trampoline
        mov     %cr0, %eax
        or      $CR0_PE, %eax
        mov     %eax, %cr0
        ljmpl   $16, $PHYS(smp_protected)
smp_gdt_pointer:
        .word   smp_gdt_end - smp_gdt - 1
        .long   PHYS(smp_gdt)
smp_trampoline_end:

        .balign 8
smp_gdt:
        .quad 0
        .quad 0x00209b0000000000                 # 64-bit code, ring 0 (SDM 3A 3.4.5)
        .quad 0x00cf9b000000ffff                 # 32-bit code, 4 GiB
        .quad 0x00cf93000000ffff                 # data, 4 GiB
smp_gdt_end:

        .text
        .code32
smp_protected:
        mov     $24, %eax
        mov     %eax, %ds
        mov     $1, %eax
        cpuid
        shr     $24, %ebx                        # the number of the local APIC (SDM 2A, CPUID)
        mov     %ebx, %eax
        mov     $ASM_SMP_CLAIMED, %ecx
        lock cmpxchg %ecx, PHYS(smp_awaited)
        jne     smp_too_late

        mov     $CR4_PAE, %eax
        mov     %eax, %cr4
        mov     $PHYS(early_root), %eax
        mov     %eax, %cr3
        mov     $MSR_EFER, %ecx
        rdmsr
        or      $(EFER_LME | EFER_NXE), %eax
        wrmsr
        mov     $CR0_START, %eax                 # INIT has set CD and NW: caches off
        mov     %eax, %cr0
        ljmp    $8, $PHYS(smp_long)

smp_too_late:
        cli
        hlt
        jmp     smp_too_late

        .code64
smp_long:
        movabs  $smp_high, %rax
        jmp     *%rax
smp_high:
        mov     smp_root(%rip), %rax
        mov     %rax, %cr3
        mov     smp_stack_top(%rip), %rsp
        mov     smp_cpu(%rip), %rdi
        xor     %ebp, %ebp                       # the last frame of every backtrace
        call    *smp_main(%rip)                  # (its record)
        ud2

        .data
        .balign 8
        .globl smp_awaited, smp_root, smp_stack_top, smp_cpu, smp_main
smp_awaited:
        .quad ASM_SMP_NONE
smp_root:
        .quad 0
smp_stack_top:
        .quad 0
smp_cpu:
        .quad 0
smp_main:
        .quad 0

        .section .note.GNU-stack, "", @progbits
