/* How a system call is written, and found.

       SYSCALL3(read, int, fd, void __user *, buf, size_t, len)
       {
           ...
           return result or -errno;
       }

   defines `long sys_read(struct trapframe *tf)`, which kernel/sys/table.c enters under its number,
   and which calls the body with the arguments out of the registers, each converted to its type
   (Linux's convention: rdi, rsi, rdx, r10, r8, r9). The body checks its arguments, and then makes
   one call. */
#pragma once

#include <linux/errno.h>
#include <arch/trap.h>
#include <lib/base.h>

typedef long syscall_fn(struct trapframe *tf);

#define SYSCALL0(name)                             \
    static inline long do_##name(void);            \
    syscall_fn sys_##name;                         \
    long sys_##name(struct trapframe *tf __unused) \
    {                                              \
        return do_##name();                        \
    }                                              \
    static inline long do_##name(void)

#define SYSCALL1(name, t1, a1)            \
    static inline long do_##name(t1 a1);  \
    syscall_fn sys_##name;                \
    long sys_##name(struct trapframe *tf) \
    {                                     \
        return do_##name((t1)tf->rdi);    \
    }                                     \
    static inline long do_##name(t1 a1)

#define SYSCALL2(name, t1, a1, t2, a2)              \
    static inline long do_##name(t1 a1, t2 a2);     \
    syscall_fn sys_##name;                          \
    long sys_##name(struct trapframe *tf)           \
    {                                               \
        return do_##name((t1)tf->rdi, (t2)tf->rsi); \
    }                                               \
    static inline long do_##name(t1 a1, t2 a2)

#define SYSCALL3(name, t1, a1, t2, a2, t3, a3)                   \
    static inline long do_##name(t1 a1, t2 a2, t3 a3);           \
    syscall_fn sys_##name;                                       \
    long sys_##name(struct trapframe *tf)                        \
    {                                                            \
        return do_##name((t1)tf->rdi, (t2)tf->rsi, (t3)tf->rdx); \
    }                                                            \
    static inline long do_##name(t1 a1, t2 a2, t3 a3)

#define SYSCALL4(name, t1, a1, t2, a2, t3, a3, t4, a4)                        \
    static inline long do_##name(t1 a1, t2 a2, t3 a3, t4 a4);                 \
    syscall_fn sys_##name;                                                    \
    long sys_##name(struct trapframe *tf)                                     \
    {                                                                         \
        return do_##name((t1)tf->rdi, (t2)tf->rsi, (t3)tf->rdx, (t4)tf->r10); \
    }                                                                         \
    static inline long do_##name(t1 a1, t2 a2, t3 a3, t4 a4)

#define SYSCALL5(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)                            \
    static inline long do_##name(t1 a1, t2 a2, t3 a3, t4 a4, t5 a5);                      \
    syscall_fn sys_##name;                                                                \
    long sys_##name(struct trapframe *tf)                                                 \
    {                                                                                     \
        return do_##name((t1)tf->rdi, (t2)tf->rsi, (t3)tf->rdx, (t4)tf->r10, (t5)tf->r8); \
    }                                                                                     \
    static inline long do_##name(t1 a1, t2 a2, t3 a3, t4 a4, t5 a5)

#define SYSCALL6(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6)                   \
    static inline long do_##name(t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6);              \
    syscall_fn sys_##name;                                                               \
    long sys_##name(struct trapframe *tf)                                                \
    {                                                                                    \
        return do_##name((t1)tf->rdi, (t2)tf->rsi, (t3)tf->rdx, (t4)tf->r10, (t5)tf->r8, \
                         (t6)tf->r9);                                                    \
    }                                                                                    \
    static inline long do_##name(t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6)
