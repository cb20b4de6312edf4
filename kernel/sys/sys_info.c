/* The system: its name, memory, load and messages, and reboot(2). */

#include <linux/errno.h>
#include <linux/reboot.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <arch/power.h>
#include <fs/flusher.h>
#include <lib/string.h>
#include <mm/frame.h>
#include <proc/names.h>
#include <sched/load.h>
#include <sched/run.h>
#include <sys/convert.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

SYSCALL1(sys_uname, struct new_utsname __user *, out)
{
    const struct new_utsname names = {
        .sysname = KERNEL_NAME,
        .nodename = HOST_NAME,
        .release = KERNEL_RELEASE,
        .version = KERNEL_VERSION,
        .machine = "x86_64",
        .domainname = DOMAIN_NAME,
    };

    return put_user(out, &names);
}

SYSCALL1(sys_sysinfo, struct sysinfo __user *, out)
{
    struct sysinfo info;

    memset(&info, 0, sizeof(info)); /* no padding may leak to the user */
    info.uptime = clock_monotonic_ns() / NS_PER_SEC;
    for (unsigned n = 0; n < LOADS; n++)
        info.loads[n] = load_average(n) << (SI_LOAD_SHIFT - LOAD_SHIFT);
    info.totalram = frame_count - frame_usage(FRAME_RESERVED);
    info.freeram = frame_usage(FRAME_FREE);
    info.procs = thread_count();
    info.mem_unit = PAGE_SIZE;
    return put_user(out, &info);
}

/* ---- The kernel's messages ---- */

/* The actions of syslog(2), which Linux's headers for programs do not name. */
#define SYSLOG_ACTION_READ_ALL    3
#define SYSLOG_ACTION_SIZE_BUFFER 10

/* Copies the last `size` bytes of the log, or all that it holds. The first line may be
   incomplete. */
static long read_messages(char __user *to, size_t size)
{
    uint64_t from = console_log_end();
    char part[256];
    size_t n, done = 0;

    size = min(size, CONSOLE_LOG_SIZE);
    from -= min(from, (uint64_t)size);
    while (done < size && (n = console_log_read(&from, part, min(size - done, sizeof(part))))) {
        if (copy_to_user(to + done, part, n))
            return -EFAULT;
        done += n;
    }
    return done;
}

SYSCALL3(sys_syslog, int, action, char __user *, to, int, size)
{
    switch (action) {
    case SYSLOG_ACTION_READ_ALL:
        return !to || size < 0 ? -EINVAL : read_messages(to, size);
    case SYSLOG_ACTION_SIZE_BUFFER:
        return CONSOLE_LOG_SIZE;
    default:
        return -EINVAL;
    }
}

/* ---- Turning the machine off ---- */

SYSCALL3(sys_reboot, unsigned, magic1, unsigned, magic2, unsigned, command)
{
    if (magic1 != LINUX_REBOOT_MAGIC1 ||
        (magic2 != LINUX_REBOOT_MAGIC2 && magic2 != LINUX_REBOOT_MAGIC2A &&
         magic2 != LINUX_REBOOT_MAGIC2B && magic2 != LINUX_REBOOT_MAGIC2C))
        return -EINVAL;
    switch (command) {
    case LINUX_REBOOT_CMD_CAD_ON:
    case LINUX_REBOOT_CMD_CAD_OFF:
        return 0;
    case LINUX_REBOOT_CMD_HALT:
    case LINUX_REBOOT_CMD_POWER_OFF:
        flusher_finish();
        machine_poweroff(0);
    case LINUX_REBOOT_CMD_RESTART:
        flusher_finish();
        machine_restart();
    default:
        return -EINVAL;
    }
}
