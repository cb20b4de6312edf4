/* How the CPU enters and leaves the kernel, and the switch of stacks between two threads.

   Every entry builds the same struct trapframe (arch/trap.h) and calls C with rdi and rbp pointing
   to it:

       exception, interrupt    trap_stubs + 16 * vector  ->  trap_entry      ->  trap_dispatch
       #DF, NMI, #MC           (on stacks of their own)  ->  paranoid_entry  ->  trap_dispatch
       system call             syscall_entry                                 ->  syscall_dispatch

   GS points to this CPU's struct cpu in the kernel, and nowhere in user mode; SWAPGS exchanges the
   two. An entry from user mode swaps, an entry from the kernel does not; CS tells them apart. #DF,
   NMI and #MC may come between an entry and its SWAPGS, so they look at the base of GS itself. The
   user's base is never in the upper half, because FSGSBASE is off.

   While C runs, rbp points to the trapframe. A backtrace that meets one of the return addresses
   *_called finds the next frame there. The CFI lines tell gdb the same.

   Sources: SDM 3A 6.14 (interrupts in 64-bit mode); 2B SWAPGS, SYSCALL, SYSRET; DWARF 4, 6.4. */

#include "offsets.h"
#include "smap.inc"

#define MSR_GS_BASE 0xc0000101
#define RFLAGS_TF_RF 0x10100

        .cfi_sections .debug_frame

/* At the start of an entry the CPU has pushed ss, rsp, rflags, cs, rip, and perhaps more. */
.macro CFI_FRAME bytes
        .cfi_startproc simple
        .cfi_signal_frame
        .cfi_def_cfa %rsp, \bytes
        .cfi_offset %rip, -40
        .cfi_offset %rsp, -16
.endm

.macro PUSH_REG reg
        push    %\reg
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset \reg, 0
.endm

.macro POP_REG reg
        pop     %\reg
        .cfi_adjust_cfa_offset -8
        .cfi_restore \reg
.endm

.macro PUSH_REGS
        .irp reg, rdi, rsi, rdx, rcx, rax, r8, r9, r10, r11, rbx, rbp, r12, r13, r14, r15
        PUSH_REG \reg
        .endr
.endm

.macro POP_REGS
        .irp reg, r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi
        POP_REG \reg
        .endr
.endm

/* The vectors whose exceptions push an error code (SDM 3A, table 6-1), and those with a stack of
   their own. */
#define HAS_ERROR                                                                              \
        ((1 << 8) | (1 << 10) | (1 << 11) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 17) |    \
         (1 << 21))
#define IS_PARANOID ((1 << 2) | (1 << 8) | (1 << 18))

        .text
        .balign TRAP_STUB_SIZE
        .globl trap_stubs
trap_stubs:
        .set vector, 0
        .rept TRAP_STUBS
        .balign TRAP_STUB_SIZE
        .if vector < 32 && (HAS_ERROR >> vector) & 1
        CFI_FRAME 48
        .else
        CFI_FRAME 40
        push    $0
        .cfi_adjust_cfa_offset 8
        .endif
        push    $vector
        .cfi_adjust_cfa_offset 8
        .if vector < 32 && (IS_PARANOID >> vector) & 1
        jmp     paranoid_entry
        .else
        jmp     trap_entry
        .endif
        .cfi_endproc
        .set vector, vector + 1
        .endr

        .globl trap_called
trap_entry:
        CFI_FRAME 56
        PUSH_REGS
        cld
        CLAC
        testb   $3, TF_CS(%rsp)
        jz      1f
        swapgs
1:      mov     %rsp, %rdi
        mov     %rsp, %rbp
        call    trap_dispatch
trap_called:
trap_exit:
        testb   $3, TF_CS(%rsp)
        jz      1f
        swapgs
1:      POP_REGS
        add     $16, %rsp                        # vector and error
        .cfi_adjust_cfa_offset -16
        /* This IRET does not fault in the kernel. CS and SS of a user's frame are constants, and
           RIP is canonical (trap.h). If nothing is mapped at RIP, the fetch in user mode faults. NT
           is clear now (FMASK), whatever the frame says. RSP may be anything. */
        iretq
        .cfi_endproc

/* __noreturn void trap_return(struct trapframe *tf) */
        .globl trap_return
trap_return:
        mov     %rdi, %rsp
        jmp     trap_exit

/* The interrupted code may be anything, so rbx remembers whether GS was swapped. */
        .globl paranoid_called
paranoid_entry:
        CFI_FRAME 56
        PUSH_REGS
        cld
        CLAC
        xor     %ebx, %ebx
        mov     $MSR_GS_BASE, %ecx
        rdmsr
        test    %edx, %edx
        js      1f
        swapgs
        inc     %ebx
1:      mov     %rsp, %rdi
        mov     %rsp, %rbp
        call    trap_dispatch
paranoid_called:
        test    %ebx, %ebx
        jz      1f
        swapgs
1:      POP_REGS
        add     $16, %rsp
        .cfi_adjust_cfa_offset -16
        iretq
        .cfi_endproc

/* A spurious interrupt of the local APIC gets no end of interrupt (SDM 3A, 10.9). */
        .globl trap_spurious
trap_spurious:
        iretq

/* SYSCALL has put rip into rcx and rflags into r11, and has loaded CS and SS. FMASK has cleared IF,
   DF and AC. rsp is the user's. */
        .globl syscall_entry, syscall_called
syscall_entry:
        .cfi_startproc simple
        .cfi_signal_frame
        .cfi_def_cfa %rsp, 0
        .cfi_register %rip, %rcx
        swapgs
        mov     %rsp, %gs:CPU_USER_RSP
        mov     %gs:CPU_KERNEL_RSP, %rsp
        push    $ASM_USER_DATA
        push    %gs:CPU_USER_RSP
        push    %r11
        push    $ASM_USER_CODE
        push    %rcx
        push    %rax
        push    $ASM_VECTOR_SYSCALL
        .cfi_def_cfa %rsp, 56
        .cfi_offset %rip, -40
        .cfi_offset %rsp, -16
        PUSH_REGS
        mov     %rsp, %rdi
        mov     %rsp, %rbp
        call    syscall_dispatch
syscall_called:
        /* SYSRET takes rip from rcx and rflags from r11, so it is used only if the frame has the
           same values there. It cannot restore RF. On Intel CPUs it faults in ring 0 on the user's
           stack if rip is not canonical (2B, SYSRET). In these cases IRET is used. */
        mov     TF_RIP(%rsp), %rcx
        cmp     %rcx, TF_RCX(%rsp)
        jne     trap_exit
        mov     TF_RFLAGS(%rsp), %r11
        cmp     %r11, TF_R11(%rsp)
        jne     trap_exit
        test    $RFLAGS_TF_RF, %r11d
        jnz     trap_exit
        shr     $47, %rcx
        jnz     trap_exit
        POP_REGS
        mov     TF_RSP - 120(%rsp), %rsp         # POP_REGS has taken 120 bytes
        .cfi_def_cfa %rsp, 0
        .cfi_register %rip, %rcx
        .cfi_same_value %rsp
        swapgs
        sysretq
        .cfi_endproc

/* void context_swap(uint64_t *save_rsp, uint64_t rsp): pushes the callee-saved registers on the old
   stack, and pops those of the new one. */
        .globl context_swap
context_swap:
        .cfi_startproc
        .irp reg, rbp, rbx, r12, r13, r14, r15
        PUSH_REG \reg
        .endr
        mov     %rsp, (%rdi)
        mov     %rsi, %rsp
        .irp reg, r15, r14, r13, r12, rbx, rbp
        POP_REG \reg
        .endr
        ret
        .cfi_endproc

/* A new context starts here: context_init has set r12 to entry, r13 to arg, and rbp to 0. */
        .globl context_start
context_start:
        .cfi_startproc
        .cfi_undefined %rip
        mov     %r13, %rdi
        call    *%r12
        ud2
        .cfi_endproc

        .section .note.GNU-stack, "", @progbits
