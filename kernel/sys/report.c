/* Reports of faults that were not resolved: one line for a program, everything for the kernel. */

#include <arch/console.h>
#include <arch/power.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <proc/process.h>
#include <sys/report.h>

/* "user write, protection" and the like: the error code of a page fault in words. */
static void describe_access(unsigned access, char *buf, size_t size)
{
    const char *what = access & FAULT_EXEC ? "execute" : access & FAULT_WRITE ? "write" : "read";

    snprintf(buf, size, "%s %s, %s%s", access & FAULT_USER ? "user" : "kernel", what,
             access & FAULT_PRESENT ? "protection" : "not present",
             access & FAULT_RESERVED ? ", reserved bit" : "");
}

void report_fault(const struct trapframe *tf, uint64_t addr, unsigned access,
                  enum fault_outcome outcome)
{
    struct process *process = process_current();
    char what[64], why[128];

    describe_access(access, what, sizeof(what));
    fault_explain(process->vspace, addr, access, outcome, why, sizeof(why));
    printk("pid %d %s: page fault (%s) addr 0x%016lx rip 0x%016lx rsp 0x%016lx: %s --kill proc\n",
           process->pid, process->name, what, addr, tf->rip, tf->rsp, why);
}

void report_exception(const struct trapframe *tf)
{
    const struct process *process = process_current();

    printk("pid %d %s: %s (error %#lx) rip 0x%016lx rsp 0x%016lx --kill proc\n", process->pid,
           process->name, vector_name(tf->vector), tf->error, tf->rip, tf->rsp);
}

static void print_region(const char *which, const struct vregion *region)
{
    if (region)
        printk("%s region %#lx-%#lx %c%c%c\n", which, region->start, region->end,
               region->prot & PROT_R ? 'r' : '-', region->prot & PROT_W ? 'w' : '-',
               region->prot & PROT_X ? 'x' : '-');
}

/* The region of a user address, or its neighbours. Takes no lock: whoever holds one will not give it back. */
static void print_surroundings(struct vspace *vspace, uint64_t addr)
{
    struct vregion *above = vregion_find_from(&vspace->regions, addr);
    struct vregion *below = above ? vregion_prev(above) : vregion_last(&vspace->regions);

    if (above && above->start <= addr) {
        print_region("in", above);
    } else {
        print_region("below: ", below);
        print_region("above: ", above);
    }
}

void report_panic(const struct trapframe *tf, uint64_t addr, unsigned access)
{
    const struct process *process = process_current();
    char what[64];

    if (tf->vector != VECTOR_PAGE_FAULT)
        panic_trap(tf, "%s in the kernel (error %#lx)", vector_name(tf->vector), tf->error);
    console_panic_mode();
    describe_access(access, what, sizeof(what));
    if (process)
        printk("\nthe kernel was working for pid %d, %s\n", process->pid, process->name);
    if (addr < USER_END && process && process->vspace)
        print_surroundings(process->vspace, addr);
    walk_print(addr);
    panic_trap(tf, "page fault in the kernel: %s, address 0x%016lx", what, addr);
}
