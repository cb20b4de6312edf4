/* How a system call is written.

       SYSCALL3(sys_read, int, fd, void __user *, buf, size_t, len)
       {
           ...
           return result or -errno;
       }

   defines `long sys_read(int fd, void __user *buf, size_t len)`, and sys_read_entry, which
   kernel/sys/table.c holds under the call's number. The entry converts each register to the type of
   its argument (Linux's convention: rdi, rsi, rdx, r10, r8, r9) and calls sys_read. The body checks
   its arguments, and then makes one call. */
#pragma once

#include <linux/errno.h>
#include <arch/trap.h>
#include <lib/base.h>

typedef long syscall_fn(struct trapframe *tf);

/* `call` is the call of `name` with the arguments from `tf`; the rest are the parameters. */
#define SYSCALL_DEFINE(name, call, ...)              \
    static inline long name(__VA_ARGS__);            \
    syscall_fn name##_entry;                         \
    long name##_entry(struct trapframe *tf __unused) \
    {                                                \
        return call;                                 \
    }                                                \
    static inline long name(__VA_ARGS__)

/* A call that reads or writes the program's registers itself. */
#define SYSCALL_REGISTERS(name, tf) SYSCALL_DEFINE(name, name(tf), struct trapframe *tf)

#define SYSCALL0(name)         SYSCALL_DEFINE(name, name(), void)
#define SYSCALL1(name, t1, a1) SYSCALL_DEFINE(name, name((t1)tf->rdi), t1 a1)

#define SYSCALL2(name, t1, a1, t2, a2) \
    SYSCALL_DEFINE(name, name((t1)tf->rdi, (t2)tf->rsi), t1 a1, t2 a2)

#define SYSCALL3(name, t1, a1, t2, a2, t3, a3) \
    SYSCALL_DEFINE(name, name((t1)tf->rdi, (t2)tf->rsi, (t3)tf->rdx), t1 a1, t2 a2, t3 a3)

#define SYSCALL4(name, t1, a1, t2, a2, t3, a3, t4, a4)                                           \
    SYSCALL_DEFINE(name, name((t1)tf->rdi, (t2)tf->rsi, (t3)tf->rdx, (t4)tf->r10), t1 a1, t2 a2, \
                   t3 a3, t4 a4)

#define SYSCALL5(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)                                 \
    SYSCALL_DEFINE(name, name((t1)tf->rdi, (t2)tf->rsi, (t3)tf->rdx, (t4)tf->r10, (t5)tf->r8), \
                   t1 a1, t2 a2, t3 a3, t4 a4, t5 a5)

#define SYSCALL6(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6)                          \
    SYSCALL_DEFINE(                                                                             \
        name, name((t1)tf->rdi, (t2)tf->rsi, (t3)tf->rdx, (t4)tf->r10, (t5)tf->r8, (t6)tf->r9), \
        t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6)
