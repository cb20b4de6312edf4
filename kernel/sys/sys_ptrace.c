/* ptrace: copies between Linux's structures and the kernel's, and one call for each request. */

#include <asm/ptrace.h>
#include <linux/audit.h>
#include <linux/errno.h>
#include <linux/ptrace.h>
#include <proc/access.h>
#include <proc/process.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* The struct user_regs_struct of <sys/user.h>, which linux-libc-dev lacks. */
struct user_regs {
    struct pt_regs regs;
    unsigned long fs_base, gs_base, ds, es, fs, gs;
};

static int put_registers(const struct ptrace_view *view, uaddr_t to)
{
    const struct trapframe *tf = &view->tf;
    const struct user_regs regs = {
        .regs =
            {
                .r15 = tf->r15,
                .r14 = tf->r14,
                .r13 = tf->r13,
                .r12 = tf->r12,
                .rbp = tf->rbp,
                .rbx = tf->rbx,
                .r11 = tf->r11,
                .r10 = tf->r10,
                .r9 = tf->r9,
                .r8 = tf->r8,
                .rax = tf->rax,
                .rcx = tf->rcx,
                .rdx = tf->rdx,
                .rsi = tf->rsi,
                .rdi = tf->rdi,
                .orig_rax = tf->vector == VECTOR_SYSCALL ? tf->error : SYSCALL_DONE,
                .rip = tf->rip,
                .cs = tf->cs,
                .eflags = tf->rflags,
                .rsp = tf->rsp,
                .ss = tf->ss,
            },
        .fs_base = view->fs_base,
    };

    return put_user((struct user_regs __user *)to, &regs);
}

#define MAX_ERRNO 4095 /* a result in [-MAX_ERRNO, -1] is an error; others may be addresses */

/* Fills in what is known of the system call at this stop. Returns how many bytes of `info` are
   valid. */
static size_t fill_syscall_info(const struct ptrace_view *view, struct ptrace_syscall_info *info)
{
    const struct trapframe *tf = &view->tf;

    *info = (struct ptrace_syscall_info){
        .op = PTRACE_SYSCALL_INFO_NONE,
        .arch = AUDIT_ARCH_X86_64,
        .instruction_pointer = tf->rip,
        .stack_pointer = tf->rsp,
    };
    if (view->stop == PTRACE_STOP_ENTRY) {
        const uint64_t args[] = {tf->rdi, tf->rsi, tf->rdx, tf->r10, tf->r8, tf->r9};

        info->op = PTRACE_SYSCALL_INFO_ENTRY;
        info->entry.nr = tf->error;
        for (unsigned n = 0; n < ARRAY_SIZE(args); n++)
            info->entry.args[n] = args[n];
        return offsetof(struct ptrace_syscall_info, entry) + sizeof(info->entry);
    }
    if (view->stop == PTRACE_STOP_EXIT) {
        info->op = PTRACE_SYSCALL_INFO_EXIT;
        info->exit.rval = tf->rax;
        info->exit.is_error = (int64_t)tf->rax < 0 && (int64_t)tf->rax >= -MAX_ERRNO;
        return offsetof(struct ptrace_syscall_info, exit.is_error) + sizeof(info->exit.is_error);
    }
    return offsetof(struct ptrace_syscall_info, entry);
}

/* Copies as much as fits into `size` bytes. Returns the length of the whole. */
static long put_syscall_info(const struct ptrace_view *view, uaddr_t to, size_t size)
{
    struct ptrace_syscall_info info;
    size_t len = fill_syscall_info(view, &info);

    return copy_to_user((void __user *)to, &info, min(len, size)) ? -EFAULT : (long)len;
}

static int put_siginfo(const struct ptrace_view *view, uaddr_t to)
{
    siginfo_t info;

    signal_to_siginfo(&view->info, &info);
    return view->has_info ? put_user((siginfo_t __user *)to, &info) : -EINVAL;
}

/* Serves the requests that read the state of a stopped process. */
static long ptrace_inspect(long request, int pid, uint64_t addr, uaddr_t data)
{
    struct ptrace_view view;
    int err = ptrace_look(pid, &view);

    if (err)
        return err;
    switch (request) {
    case PTRACE_GETREGS:
        return put_registers(&view, data);
    case PTRACE_GETSIGINFO:
        return put_siginfo(&view, data);
    case PTRACE_GETEVENTMSG:
        return put_user((uint64_t __user *)data, &view.message);
    case PTRACE_GET_SYSCALL_INFO:
        return put_syscall_info(&view, data, addr);
    default:
        return -EIO;
    }
}

static int peek(int pid, uaddr_t from, uaddr_t to)
{
    struct vspace *vspace;
    uint64_t word;
    int err = ptrace_get_vspace(pid, &vspace);

    if (err)
        return err;
    size_t len = vspace_peek(vspace, from, &word, sizeof(word));
    vspace_put(vspace);
    return len == sizeof(word) ? put_user((uint64_t __user *)to, &word) : -EIO;
}

SYSCALL4(sys_ptrace, long, request, int, pid, uint64_t, addr, uint64_t, data)
{
    switch (request) {
    case PTRACE_TRACEME:
        return ptrace_me();
    case PTRACE_SEIZE:
        return addr ? -EIO : ptrace_seize(pid, data);
    case PTRACE_ATTACH:
        return ptrace_attach(pid);
    case PTRACE_INTERRUPT:
        return ptrace_interrupt(pid);
    case PTRACE_KILL:
        return ptrace_kill(pid);
    case PTRACE_SETOPTIONS:
        return ptrace_set_options(pid, data);
    case PTRACE_CONT:
        return ptrace_resume(pid, PTRACE_RESUME_CONT, data);
    case PTRACE_SYSCALL:
        return ptrace_resume(pid, PTRACE_RESUME_SYSCALL, data);
    case PTRACE_LISTEN:
        return ptrace_resume(pid, PTRACE_RESUME_LISTEN, 0);
    case PTRACE_DETACH:
        return ptrace_resume(pid, PTRACE_RESUME_DETACH, data);
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA:
        return peek(pid, addr, data);
    default:
        return ptrace_inspect(request, pid, addr, data);
    }
}
