/* The boot order, one call a line. kernel/arch/boot.S comes here when the boot CPU runs in long mode on the boot stack
   and kernel/arch/boot.c has read what the boot loader told. */

#include <arch/boot.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <arch/cpu.h>
#include <arch/init.h>
#include <dev/input.h>
#include <dev/keyboard.h>
#include <dev/random.h>
#include <dev/screen.h>
#include <fs/vfs.h>
#include <lib/panic.h>
#include <mm/frame.h>
#include <proc/process.h>
#include <procfs/root.h>
#include <sched/kstack.h>
#include <sched/run.h>
#include <sched/thread.h>
#include <tty/file.h>
#include <tty/receiver.h>
#include <tty/terminal.h>
#include <vm/zero.h>

static void print_banner(void)
{
    printk("Pagoda: %lu MiB of memory, %u CPU%s, booted by %s\n",
           (frame_usage(FRAME_FREE) + frame_usage(FRAME_KERNEL)) >> (20 - PAGE_SHIFT), cpu_count(),
           cpu_count() == 1 ? "" : "s", boot_info.loader);
}

/* What needs a thread to run in, because it may sleep: the rest of the boot. */
static void boot_thread(void *arg __unused)
{
    screen_start();  /* what programs write is shown */
    tty_file_init(); /* /dev/console and /dev/tty */
    fs_init(boot_info.initrd_start,
            boot_info.initrd_end);   /* the root file system, from the initial RAM disk */
    procfs_init();                   /* /proc */
    terminal_init();                 /* job control: sessions and their terminal */
    alarm_init();                    /* SIGALRM */
    receiver_start();                /* typed bytes become lines and signals */
    input_serial_init();             /* bytes come in: from the serial line */
    keyboard_init();                 /* and from the keyboard */
    process_start_init("/bin/init"); /* the first process */
    thread_exit();
}

void kernel_main(void)
{
    serial_init();              /* from here on messages are seen */
    cpu_init();                 /* segments, traps, protection bits, system calls */
    paging_init();              /* the kernel's final page tables */
    screen_init();              /* messages are shown on the screen too */
    acpi_init();                /* which devices are there */
    apic_init();                /* interrupts have a way in */
    clock_init();               /* time */
    frame_init();               /* physical memory */
    zero_page_init();
    random_init();              /* random numbers */
    sched_init();               /* the run queues */
    kstack_init();              /* stacks for threads */
    timer_start(TICKS_PER_SEC); /* turns end */
    print_banner();

    struct thread *thread = thread_create(boot_thread, NULL);
    if (!thread)
        panic("no memory for the first thread");
    thread_start(thread);
    sched_idle();
}
