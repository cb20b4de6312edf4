/* The three doors from arch/ into the kernel: faults, interrupts and system calls.

       fault_dispatch       a page fault or another exception: resolved, or turned into a signal,
                            or, if the kernel's own code caused it, a panic
       interrupt_dispatch   the timer or a device
       syscall_dispatch     a system call

   Interrupts are off at each door. The door enables them once the state that the hardware
   delivered has been read. A return to user mode goes through user_return_prepare, which disables
   them again. A fault that kills a program is reported in one line on the console. */

#include <asm/unistd.h>
#include <linux/errno.h>
#include <arch/console.h>
#include <arch/power.h>
#include <arch/trap.h>
#include <dev/input.h>
#include <dev/keyboard.h>
#include <dev/pci.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <mm/failnth.h>
#include <proc/oom.h>
#include <proc/process.h>
#include <proc/restart.h>
#include <proc/user_return.h>
#include <sched/run.h>
#include <sched/tick.h>
#include <sys/table.h>
#include <vm/fault.h>
#include "explain.h"
#include "where.h"

/* ---- Reports ---- */

/* Writes the error code of a page fault in words into `buf`: "user write, protection". */
static void describe_access(unsigned access, char *buf, size_t size)
{
    const char *what = access & FAULT_EXEC ? "execute" : access & FAULT_WRITE ? "write" : "read";

    snprintf(buf, size, "%s %s, %s%s", access & FAULT_USER ? "user" : "kernel", what,
             access & FAULT_PRESENT ? "protection" : "not present",
             access & FAULT_RESERVED ? ", reserved bit" : "");
}

static void report_pattern(const char *name, uint64_t value)
{
    uint32_t high = value >> 32, part = high ? high : value;

    if (part == (uint32_t)FRAME_FRESH)
        printk("%s %#lx is from a frame that was not written since it was allocated\n", name,
               value);
    else if (part == (uint32_t)FRAME_FREED)
        printk("%s %#lx is from a frame that was freed\n", name, value);
}

/* Says which registers hold a pattern of mm/frame.h, with which a DEBUG build fills frames. */
static void report_patterns(const struct trapframe *tf)
{
    const struct {
        const char *name;
        uint64_t value;
    } registers[] = {
        {"rip", tf->rip}, {"rsp", tf->rsp}, {"rax", tf->rax}, {"rbx", tf->rbx}, {"rcx", tf->rcx},
        {"rdx", tf->rdx}, {"rsi", tf->rsi}, {"rdi", tf->rdi}, {"rbp", tf->rbp}, {"r8", tf->r8},
        {"r9", tf->r9},   {"r10", tf->r10}, {"r11", tf->r11}, {"r12", tf->r12}, {"r13", tf->r13},
        {"r14", tf->r14}, {"r15", tf->r15},
    };

    for (unsigned n = 0; n < ARRAY_SIZE(registers); n++)
        report_pattern(registers[n].name, registers[n].value);
}

/* Reports a page fault that kills the current process: pid, name, access, addresses, reason, and
   "--kill proc". */
static void report_page_fault(const struct trapframe *tf, uint64_t addr, unsigned access,
                              enum fault_outcome outcome)
{
    struct process *process = process_current();
    char what[64], why[128];

    describe_access(access, what, sizeof(what));
    fault_explain(process->vspace, addr, access, outcome, why, sizeof(why));
    printk("pid %d %s: page fault (%s) addr 0x%016lx rip 0x%016lx rsp 0x%016lx: %s --kill proc\n",
           process->pid, task_current()->name, what, addr, tf->rip, tf->rsp, why);
    if (IS_DEBUG)
        report_patterns(tf);
}

/* Reports another exception that kills the current process: pid, name, error code, addresses,
   reason, and "--kill proc". */
static void report_exception(const struct trapframe *tf)
{
    const struct process *process = process_current();
    char why[128];

    exception_explain(tf, why, sizeof(why));
    printk("pid %d %s: %s (error %#lx) rip 0x%016lx rsp 0x%016lx: %s --kill proc\n", process->pid,
           task_current()->name, vector_name(tf->vector), tf->error, tf->rip, tf->rsp, why);
    if (IS_DEBUG)
        report_patterns(tf);
}

static void report_region(const char *where, const struct vregion *region)
{
    if (region)
        printk("%s region %#lx-%#lx %c%c%c\n", where, region->start, region->end,
               region->prot & PROT_R ? 'r' : '-', region->prot & PROT_W ? 'w' : '-',
               region->prot & PROT_X ? 'x' : '-');
}

/* Prints the region of a user address, or its two neighbours. Takes no lock, because in a panic a
   lock that is held will never be released. */
static void report_regions_near(struct vspace *vspace, uint64_t addr)
{
    struct vregion *above = vregion_find_from(&vspace->regions, addr);
    struct vregion *below = above ? vregion_prev(above) : vregion_last(&vspace->regions);

    if (above && above->start <= addr) {
        report_region("in", above);
    } else {
        report_region("below: ", below);
        report_region("above: ", above);
    }
}

/* Prints what is known of a page fault before a panic: the process, its regions, and the walk. The
   current thread may be one of the kernel, and before sched_init there is none. */
static void report_broken_fault(const struct trapframe *tf, uint64_t addr)
{
    const struct task *task = thread_current() ? task_current() : NULL;
    const struct process *process = task ? task->process : NULL;

    console_panic_mode();
    if (process)
        printk("\ncurrent process: pid %d %s\n", process->pid, task->name);
    if (addr < USER_END && process && process->vspace)
        report_regions_near(process->vspace, addr);
    walk_print(addr);
    if (IS_DEBUG)
        report_patterns(tf);
}

/* Panics with everything that is known of a fault of the kernel's own code. */
static __noreturn void panic_kernel_fault(const struct trapframe *tf, uint64_t addr,
                                          unsigned access)
{
    char what[64];

    if (tf->vector != VECTOR_PAGE_FAULT) {
        console_panic_mode();
        if (IS_DEBUG)
            report_patterns(tf);
        panic_trap(tf, RULE(9) "%s in the kernel (error %#lx)", vector_name(tf->vector), tf->error);
    }
    describe_access(access, what, sizeof(what));
    report_broken_fault(tf, addr);
    panic_trap(tf, RULE(9) "page fault in the kernel: %s, address 0x%016lx", what, addr);
}

/* Panics because of a page fault that has come again and again: says what is wrong in the page
   table, or why that is not the reason. */
static __noreturn void panic_endless_fault(const struct trapframe *tf, uint64_t addr,
                                           unsigned access)
{
    const struct process *process = process_current();
    paddr_t root = process->vspace->pagetable.mmu.root;
    char what[64];

    if (tf->rflags & RFLAGS_IF)
        irq_enable();
    describe_access(access, what, sizeof(what));
    enum fault_outcome outcome = vspace_fault_verified(process->vspace, addr, access);
    report_broken_fault(tf, addr);
    if (mmu_loaded_root() != root)
        panic_trap(
            tf,
            RULE(1) "a page fault without end: %s, address %#lx: CR3 is %#lx, but the tables of "
                    "pid %d begin at %#lx",
            what, addr, mmu_loaded_root(), process->pid, root);
    if (!fault_resolved(outcome))
        panic_trap(
            tf,
            RULE(1) "a page fault without end: %s, address %#lx: it ends as %s, but the program "
                    "gets no signal",
            what, addr, fault_outcome_name(outcome));
    panic_trap(
        tf,
        RULE(1) "a page fault without end: %s, address %#lx: it ends as %s, and the page table "
                "allows the access; is the handler called, and the TLB flushed?",
        what, addr, fault_outcome_name(outcome));
}

/* Panics because the CPU found an entry with a reserved bit, which no fault handler resolves. */
static __noreturn void panic_reserved_bit(const struct trapframe *tf, uint64_t addr)
{
    report_broken_fault(tf, addr);
    panic_trap(tf, RULE(1) "a page-table entry for %#lx has a reserved bit set", addr);
}

/* ---- Faults ---- */

/* Returns the signal that Linux sends for an exception of user code. Page faults have
   page_fault_signal. */
static struct signal_info exception_signal(const struct trapframe *tf)
{
    switch (tf->vector) {
    case VECTOR_DIVIDE:
        return (struct signal_info){.signo = SIGFPE, .code = FPE_INTDIV, .addr = tf->rip};
    case VECTOR_FPU:
    case VECTOR_SIMD:
        return (struct signal_info){
            .signo = SIGFPE, .code = context_fpu_fault(tf->vector == VECTOR_FPU), .addr = tf->rip};
    case VECTOR_DEBUG:
        return (struct signal_info){.signo = SIGTRAP, .code = TRAP_TRACE, .addr = tf->rip};
    case VECTOR_BREAKPOINT:
        return (struct signal_info){.signo = SIGTRAP, .code = SI_KERNEL};
    case VECTOR_INVALID_OPCODE:
        return (struct signal_info){.signo = SIGILL, .code = ILL_ILLOPN, .addr = tf->rip};
    case VECTOR_ALIGNMENT:
        return (struct signal_info){.signo = SIGBUS, .code = BUS_ADRALN};
    case VECTOR_NO_SEGMENT:
    case VECTOR_STACK:
        return (struct signal_info){.signo = SIGBUS, .code = SI_KERNEL};
    default:
        return (struct signal_info){.signo = SIGSEGV, .code = SI_KERNEL};
    }
}

static struct signal_info page_fault_signal(enum fault_outcome outcome, uint64_t addr)
{
    switch (outcome) {
    case FAULT_NO_MEMORY:
        return (struct signal_info){.signo = SIGKILL, .code = SI_KERNEL};
    case FAULT_NO_PAGE:
        return (struct signal_info){.signo = SIGBUS, .code = BUS_ADRERR, .addr = addr};
    case FAULT_NOT_ALLOWED:
        return (struct signal_info){.signo = SIGSEGV, .code = SEGV_ACCERR, .addr = addr};
    default:
        return (struct signal_info){.signo = SIGSEGV, .code = SEGV_MAPERR, .addr = addr};
    }
}

/* Keeps an exception for the contexts of signal handlers. */
static void keep_exception(uint64_t vector, uint64_t error)
{
    struct signal_trap *trap = &task_current()->signals.trap;

    trap->vector = vector;
    trap->error = error;
}

/* Keeps a page fault. A program shall not learn which addresses of the kernel are mapped, so each
   counts as present, as on Linux. */
static void keep_page_fault(uint64_t addr, unsigned access)
{
    keep_exception(VECTOR_PAGE_FAULT, access | FAULT_USER | (addr >= USER_END ? FAULT_PRESENT : 0));
    task_current()->signals.trap.addr = addr;
}

/* Returns the address space of the current process, or NULL for a thread of the kernel. */
static struct vspace *vspace_of_current(void)
{
    const struct task *task = task_current();

    return task ? task->process->vspace : NULL;
}

/* Resolves a page fault. If memory is out, calls `wait` until there is some or it returns an error;
   but a failure that a test asks for (mm/failnth.h) stays. Returns in *err why it gives up, if it
   does: -EINTR, a signal is to be taken first; else another error. */
static enum fault_outcome resolve(uint64_t addr, unsigned access, int (*wait)(void), int *err)
{
    struct vspace *vspace = vspace_of_current();
    unsigned left = failnth_left();
    enum fault_outcome outcome;

    do {
        outcome = vspace_fault(vspace, addr, access);
        if (outcome != FAULT_NO_MEMORY)
            *err = outcome == FAULT_INTERRUPTED ? -EINTR : -EFAULT;
        else if (left && !failnth_left())
            *err = -ENOMEM;
        else
            *err = wait();
    } while (!*err);
    return outcome;
}

/* Resolves a page fault of user code, or forces a signal. A fault is reported only if it kills the
   program: one that has a handler may be intended. */
static void user_page_fault(struct trapframe *tf, uint64_t addr, unsigned access)
{
    /* Without FAULT_USER, user code made the CPU itself access memory: a descriptor table, or with
       QEMU the stack of an IRET. Mapping a page does not help there. */
    int err = 0;
    enum fault_outcome outcome =
        access & FAULT_USER ? resolve(addr, access, oom_wait, &err) : FAULT_NOT_ALLOWED;

    if (fault_resolved(outcome)) {
        task_current()->minor_faults++;
        return;
    }
    if (err == -EINTR) { /* the access is made again after the signal */
        task_current()->repeats.count = 0;
        return;
    }
    keep_page_fault(addr, access);
    task_current()->repeats.count = 0;
    const struct signal_info info = page_fault_signal(outcome, addr);
    if (signal_force(&info))
        report_page_fault(tf, addr, access, outcome);
}

static void user_fault(struct trapframe *tf, uint64_t addr, unsigned access)
{
    if (tf->vector == VECTOR_PAGE_FAULT) {
        user_page_fault(tf, addr, access);
        return;
    }
    keep_exception(tf->vector, tf->error);
    const struct signal_info info = exception_signal(tf);
    if (signal_force(&info))
        report_exception(tf);
}

/* Handles a fault of kernel code, which only the user-copy routines may cause. Returns true if the
   interrupted code can continue, at the faulting instruction or at its fixup. */
static bool kernel_fault(struct trapframe *tf, uint64_t addr, unsigned access)
{
    uint64_t fixup = extable_find(tf->rip);
    struct vspace *vspace = vspace_of_current();

    if (!fixup)
        return false;
    if (tf->vector == VECTOR_PAGE_FAULT) {
        /* A user copy accesses user addresses as data. An address in the kernel's half, a fetch or
           a reserved bit is a bug of the kernel. */
        if (addr >= USER_END || (access & (FAULT_EXEC | FAULT_RESERVED)) || !vspace)
            return false;
        if (tf->rflags & RFLAGS_IF)
            irq_enable();
        int err;
        enum fault_outcome outcome = resolve(addr, access, oom_wait_holding, &err);
        irq_disable();
        if (fault_resolved(outcome)) {
            task_current()->minor_faults++;
            return true;
        }
        task_current()->repeats.count = 0;
        /* A copy that failed tries its last bytes one by one; only the first fault is reported,
           because signal_force returns false for the second. */
        const struct signal_info info = page_fault_signal(outcome, addr);
        if (outcome == FAULT_NO_MEMORY && err != -EINTR && signal_force(&info))
            report_page_fault(tf, addr, access, outcome);
    }
    tf->rip = fixup;
    return true;
}

/* Looks at a page fault that came before. */
static void check_repeat(const struct trapframe *tf, uint64_t addr, unsigned access,
                         struct task *task)
{
    const struct vspace *vspace = task->process->vspace;

    if (tf->vector != VECTOR_PAGE_FAULT || addr >= USER_END || !vspace)
        return;
    if (fault_repeat_is_endless(&task->repeats, vspace, access))
        panic_endless_fault(tf, addr, access);
}

/* Looks at a fault before it is handled, so that no mistake in the handlers below can make it come
   again for ever, unseen. An exception counts as a fault at address 0. */
static void check_progress(const struct trapframe *tf, uint64_t addr, unsigned access)
{
    struct task *task = task_current();

    if (unlikely(access & FAULT_RESERVED))
        panic_reserved_bit(tf, addr);
    if (likely(task) && fault_is_repeated(&task->repeats, tf->rip, addr))
        check_repeat(tf, addr, access, task);
}

void fault_dispatch(struct trapframe *tf, uint64_t addr, unsigned access)
{
    if (!trap_from_user(tf)) {
        if (!thread_current()) /* before sched_init */
            panic_kernel_fault(tf, addr, access);
        check_progress(tf, addr, access);
        if (!kernel_fault(tf, addr, access))
            panic_kernel_fault(tf, addr, access);
        return;
    }
    check_progress(tf, addr, access);
    irq_enable();
    user_fault(tf, addr, access);
    user_return_prepare(tf);
}

/* ---- Interrupts ---- */

void interrupt_dispatch(struct trapframe *tf)
{
    switch (tf->vector) {
    case VECTOR_NMI:
        where_report(tf);
        return;
    case VECTOR_TIMER:
        if (sched_timer(tf))
            cpu_timer_tick();
        break;
    case VECTOR_IRQ_BASE + SERIAL_IRQ:
        input_serial_interrupt();
        break;
    case VECTOR_IRQ_BASE + KEYBOARD_IRQ:
        keyboard_interrupt();
        break;
    case VECTOR_RESCHEDULE: /* the thread switch happens on the way out, below */
        break;
    default:
        if (!pci_interrupt(tf->vector))
            printk("unexpected interrupt %lu\n", tf->vector);
    }
    if (trap_from_user(tf))
        user_return_prepare(tf);
    else
        sched_preempt();
}

/* ---- System calls ---- */

/* Rare paths are not inlined, so that syscall_dispatch saves few registers. */

/* Reports, once for each number, that a program made a system call that Pagoda does not have. */
static __noinline long missing_syscall(uint64_t number)
{
    static uint64_t reported[8]; /* one bit for each number */
    uint64_t bit = 1ul << number % 64;

    if (number >= 64 * ARRAY_SIZE(reported))
        return -ENOSYS;
    if (!(atomic_fetch_or(&reported[number / 64], bit) & bit))
        printk_between_lines("%s: system call %lu is not implemented\n", task_current()->name,
                             number);
    return -ENOSYS;
}

/* How often a call is made again for lack of memory. Each time it waits for twice as much as the
   time before, because nobody knows how much it needs. */
#define CALL_TRIES 8

/* A fork that fails ends a program that forks without end; otherwise all others would be killed for
   its children. Of several regions, mremap may have moved some. */
static bool is_made_again(uint64_t number)
{
    return number != __NR_fork && number != __NR_vfork && number != __NR_clone &&
           number != __NR_mremap;
}

/* Makes a call again that was refused a frame, once other processes have given memory back. A call
   that returns -ENOMEM has changed nothing. */
static __noinline void call_again(struct trapframe *tf, syscall_fn *call)
{
    const struct task *task = task_current();
    unsigned tries = 0;

    while (task->lacks_frames && tries < CALL_TRIES && (int64_t)tf->rax == -ENOMEM) {
        int err = oom_wait_for(OOM_ROOM << tries++);

        if (err == -EINTR)
            restart_always(tf);
        if (err)
            break;
        tf->rax = call(tf);
    }
}

void syscall_dispatch(struct trapframe *tf)
{
    uint64_t number = tf->error;

    irq_enable();
    if (!thread_is_ptraced() || ptrace_call_begins(tf)) {
        syscall_fn *call = syscall_find(number);
        tf->rax = likely(call) ? call(tf) : missing_syscall(number);
        if (unlikely((int64_t)tf->rax == -ENOMEM) && is_made_again(number))
            call_again(tf, call);
    }
    user_return_prepare(tf);
}
