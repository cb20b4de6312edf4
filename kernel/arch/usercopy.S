/* The only instructions of the kernel that access the user's half (arch/usercopy.h).

   Between STAC and CLAC the kernel may access user pages. An instruction that may fault there has
   an entry in the table .extable: its address, and where to continue if the fault cannot be
   resolved. A string instruction that faults leaves the number of remaining units in rcx, and rsi
   and rdi at the first of them (SDM 2B, REP). So a run of 8-byte units that failed continues in
   bytes, up to the first byte that cannot be accessed.

   All are leaf functions and use no stack. */

#include <asm/errno.h>
#include "smap.inc"

.macro MAY_FAULT at, then
        .pushsection .extable, "a"
        .quad   \at, \then
        .popsection
.endm

        .cfi_sections .debug_frame

/* Runs a string instruction over rdx bytes, in units of 8 bytes and then of 1. Returns the number
   of bytes that are left. */
.macro USER_STRING op
        STAC
        mov     %rdx, %rcx
        shr     $3, %rcx
        and     $7, %edx
1:      rep \op\()q
        mov     %edx, %ecx
2:      rep \op\()b
3:      CLAC
        mov     %rcx, %rax
        ret
4:      lea     (%rdx, %rcx, 8), %rcx
        jmp     2b
        MAY_FAULT 1b, 4b
        MAY_FAULT 2b, 3b
.endm

        .text

/* size_t arch_copy_from_user(void *to, const void __user *from, size_t len)
   size_t arch_copy_to_user(void __user *to, const void *from, size_t len) */
        .globl arch_copy_from_user, arch_copy_to_user
        .balign 16
arch_copy_from_user:
arch_copy_to_user:
        .cfi_startproc
        USER_STRING movs
        .cfi_endproc

/* size_t arch_clear_user(void __user *to, size_t len) */
        .globl arch_clear_user
        .balign 16
arch_clear_user:
        .cfi_startproc
        mov     %rsi, %rdx
        xor     %eax, %eax
        USER_STRING stos
        .cfi_endproc

/* ssize_t arch_copy_string_from_user(char *to, const char __user *from, size_t max) */
        .globl arch_copy_string_from_user
        .balign 16
arch_copy_string_from_user:
        .cfi_startproc
        STAC
        xor     %eax, %eax
1:      cmp     %rdx, %rax
        je      3f
2:      movb    (%rsi, %rax), %cl
        movb    %cl, (%rdi, %rax)
        inc     %rax
        test    %cl, %cl
        jnz     1b
        dec     %rax
3:      CLAC
        ret
4:      mov     $-EFAULT, %rax
        jmp     3b
        MAY_FAULT 2b, 4b
        .cfi_endproc

/* int arch_cmpxchg_user(uint32_t __user *word, uint32_t *expected, uint32_t wanted) */
        .globl arch_cmpxchg_user
        .balign 16
arch_cmpxchg_user:
        .cfi_startproc
        movl    (%rsi), %eax
        STAC
1:      lock cmpxchgl %edx, (%rdi)
        CLAC
        movl    %eax, (%rsi)
        xor     %eax, %eax
        ret
2:      CLAC
        mov     $-EFAULT, %eax
        ret
        MAY_FAULT 1b, 2b
        .cfi_endproc

        .section .note.GNU-stack, "", @progbits
