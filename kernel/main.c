/* The boot order, one call a line. kernel/arch/boot.S calls kernel_main when the boot CPU runs in
   long mode on the boot stack and kernel/arch/boot.c has read the information of the boot
   loader. */

#include <arch/boot.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <arch/cpu.h>
#include <arch/event.h>
#include <arch/init.h>
#include <dev/disks.h>
#include <dev/block.h>
#include <dev/input.h>
#include <dev/keyboard.h>
#include <dev/random.h>
#include <dev/screen.h>
#include <fs/blockdev.h>
#include <fs/cpio.h>
#include <fs/flusher.h>
#include <fs/vfs.h>
#include <lib/panic.h>
#include <mm/frame.h>
#include <proc/oom.h>
#include <proc/process.h>
#include <procfs/root.h>
#include <sched/kstack.h>
#include <sched/run.h>
#include <sched/thread.h>
#include <sys/recording.h>
#include <tty/file.h>
#include <tty/receiver.h>
#include <tty/terminal.h>
#include <vm/zero.h>

/* For page tables, the kernel's threads and heap, and the first programs. */
#define WORKING_BYTES (2ul << 20)

/* Fails the boot if the machine cannot hold the files of the initial RAM disk and a shell. */
static void check_memory(void)
{
    size_t size = boot_info.initrd_end - boot_info.initrd_start;
    uint64_t files = 0;

    if (size == 0)
        boot_fail("there is no initial RAM disk; a boot loader leaves it out where memory is too "
                  "little, and 8 MiB are enough for that of the ISO");
    if (boot_info.initrd_end <= EARLY_MAP_END)
        files = cpio_unpacked_bytes(phys_to_virt(boot_info.initrd_start), size);
    uint32_t nframes = boot_info.max_addr >> PAGE_SHIFT;
    uint64_t descriptors = nframes * sizeof(struct frame) + history_bytes(nframes);
    boot_require_memory(WORKING_BYTES + descriptors + files);
}

static void print_banner(void)
{
    printk("Pagoda: %lu MiB of memory, %u CPU%s, booted by %s\n",
           (frame_usage(FRAME_FREE) + frame_usage(FRAME_ZERO)) >> (20 - PAGE_SHIFT), cpu_count(),
           cpu_count() == 1 ? "" : "s", boot_info.loader);
}

/* The second half of the boot, which runs in a thread because it may sleep. */
static void boot_thread(void *arg __unused)
{
    screen_start();  /* shows the output of programs */
    tty_file_init(); /* /dev/console and /dev/tty */
    disks_init();    /* vda, vdb, ... */
    blockdev_init(); /* /dev/vda, ... */
    fs_init(boot_info.initrd_start,
            boot_info.initrd_end);   /* the root file system, from the initial RAM disk */
    procfs_init();                   /* /proc */
    terminal_init();                 /* sessions, and the terminal that controls their jobs */
    alarm_init();                    /* SIGALRM */
    oom_init();                      /* the reserve of frames, and who dies when memory is out */
    flusher_start();                 /* dirty pages reach the disks after some seconds */
    receiver_start();                /* typed bytes become lines and signals */
    input_serial_init();             /* received bytes arrive from the serial line */
    keyboard_init();                 /* and from the keyboard */
    process_start_init("/bin/init"); /* the first process */
    thread_exit();
}

void kernel_main(void)
{
    serial_init(); /* from here on messages are visible */
    cpu_init();    /* segments, traps, protection bits, system calls */
    boot_check();  /* the information of the boot loader */
    check_memory();
    paging_init();    /* the kernel's final page tables */
    screen_init();    /* messages appear on the screen too */
    acpi_init();      /* finds the devices */
    apic_init();      /* interrupt controllers */
    clock_init();     /* the time */
    smp_prepare();    /* stacks for the other CPUs */
    event_init();     /* the last events of the memory system */
    recording_init(); /* all events, if the machine has a device for that */
    frame_init();     /* physical memory */
    zero_page_init();
    random_init();             /* random numbers */
    sched_init();              /* the run queues */
    kstack_init();             /* stacks for threads */
    timer_start();             /* timer interrupts: deadlines, ends of turns */
    smp_start(sched_cpu_main); /* the other CPUs */
    print_banner();

    struct thread *thread = thread_create(boot_thread, NULL);
    if (!thread)
        panic("no memory for the first thread");
    thread_start(thread);
    sched_idle();
}
