/* The structures and constants of C that the assembly uses. Only #defines; cpu.c asserts each of
   them. */
#pragma once

#define ASM_KERNEL_BASE     0xffffffff80000000
#define ASM_BOOT_STACK_SIZE 0x4000

#define CPU_KERNEL_RSP 8
#define CPU_USER_RSP   16

#define TF_R11    48
#define TF_RCX    88
#define TF_RIP    136
#define TF_CS     144
#define TF_RFLAGS 152
#define TF_RSP    160
#define TF_SIZE   176

#define ASM_USER_DATA      0x2b
#define ASM_USER_CODE      0x33
#define ASM_VECTOR_SYSCALL 256

/* The values of smp_awaited that are no number of a local APIC (smp.c). */
#define ASM_SMP_NONE    0xffffffff
#define ASM_SMP_CLAIMED 0xfffffffe

/* The trap stubs: one of TRAP_STUB_SIZE bytes for each vector below TRAP_STUBS. */
#define TRAP_STUBS     64
#define TRAP_STUB_SIZE 16
