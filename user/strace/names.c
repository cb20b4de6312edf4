/* Numbers that have names. Names within a set have the order in which Linux's strace prints
   them. */
#define _GNU_SOURCE
#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/signals.h"
#include "output.h"

static const char *name_of(const struct names *names, uint64_t value)
{
    for (size_t n = 0; n < names->count; n++)
        if (names->names[n].value == value)
            return names->names[n].name;
    return NULL;
}

void print_one_of(const struct names *names, uint64_t value)
{
    const char *name = name_of(names, value);

    if (name)
        print("%s", name);
    else
        print("%#llx /* %s */", (unsigned long long)value, names->unknown);
}

/* Prints the names of the bits in `value`. Returns the bits without a name. */
static uint64_t print_known(const struct names *names, uint64_t value, const char **separator)
{
    for (size_t n = 0; n < names->count; n++) {
        uint64_t bits = names->names[n].value;

        if (bits == 0 || (value & bits) != bits)
            continue;
        print("%s%s", *separator, names->names[n].name);
        *separator = "|";
        value &= ~bits;
    }
    return value;
}

void print_flags(const struct names *names, uint64_t value)
{
    const char *separator = "", *zero = name_of(names, 0);

    if (value == 0) {
        print("%s", zero ? zero : "0");
        return;
    }
    uint64_t rest = print_known(names, value, &separator);
    if (rest == value)
        print("%#llx /* %s */", (unsigned long long)rest, names->unknown);
    else if (rest)
        print("|%#llx", (unsigned long long)rest);
}

void print_more_flags(const struct names *names, uint64_t value)
{
    const char *separator = "|";
    uint64_t rest = print_known(names, value, &separator);

    if (rest)
        print("|%#llx", (unsigned long long)rest);
}

/* ---- Errors, in the words of glibc, which differ from those of musl ---- */

static const struct {
    const char *name, *text;
} errors[] = {
#define ERROR(number, text) [number] = {#number, text}
    ERROR(EPERM, "Operation not permitted"),
    ERROR(ENOENT, "No such file or directory"),
    ERROR(ESRCH, "No such process"),
    ERROR(EINTR, "Interrupted system call"),
    ERROR(EIO, "Input/output error"),
    ERROR(ENXIO, "No such device or address"),
    ERROR(E2BIG, "Argument list too long"),
    ERROR(ENOEXEC, "Exec format error"),
    ERROR(EBADF, "Bad file descriptor"),
    ERROR(ECHILD, "No child processes"),
    ERROR(EAGAIN, "Resource temporarily unavailable"),
    ERROR(ENOMEM, "Cannot allocate memory"),
    ERROR(EACCES, "Permission denied"),
    ERROR(EFAULT, "Bad address"),
    ERROR(EBUSY, "Device or resource busy"),
    ERROR(EEXIST, "File exists"),
    ERROR(EXDEV, "Invalid cross-device link"),
    ERROR(ENODEV, "No such device"),
    ERROR(ENOTDIR, "Not a directory"),
    ERROR(EISDIR, "Is a directory"),
    ERROR(EINVAL, "Invalid argument"),
    ERROR(ENFILE, "Too many open files in system"),
    ERROR(EMFILE, "Too many open files"),
    ERROR(ENOTTY, "Inappropriate ioctl for device"),
    ERROR(ETXTBSY, "Text file busy"),
    ERROR(EFBIG, "File too large"),
    ERROR(ENOSPC, "No space left on device"),
    ERROR(ESPIPE, "Illegal seek"),
    ERROR(EROFS, "Read-only file system"),
    ERROR(EMLINK, "Too many links"),
    ERROR(EPIPE, "Broken pipe"),
    ERROR(EDOM, "Numerical argument out of domain"),
    ERROR(ERANGE, "Numerical result out of range"),
    ERROR(EDEADLK, "Resource deadlock avoided"),
    ERROR(ENAMETOOLONG, "File name too long"),
    ERROR(ENOSYS, "Function not implemented"),
    ERROR(ENOTEMPTY, "Directory not empty"),
    ERROR(ELOOP, "Too many levels of symbolic links"),
    ERROR(EOVERFLOW, "Value too large for defined data type"),
    ERROR(EOPNOTSUPP, "Operation not supported"),
    ERROR(ETIMEDOUT, "Connection timed out"),
};

void print_error(int error)
{
    if (error < (int)(sizeof(errors) / sizeof(errors[0])) && errors[error].name)
        print("%s (%s)", errors[error].name, errors[error].text);
    else
        print("ERRNO_%d (Unknown error %d)", error, error);
}

/* ---- Signals ---- */

#define FIRST_REAL_TIME 32

void print_short_signal(int signal)
{
    const char *name = signal_short_name(signal);

    if (name)
        print("%s", name);
    else if (signal == FIRST_REAL_TIME)
        print("RTMIN");
    else if (signal > FIRST_REAL_TIME && signal < _NSIG)
        print("RT_%d", signal - FIRST_REAL_TIME);
    else
        print("%d", signal);
}

void print_signal(int signal)
{
    if (signal > 0 && signal < _NSIG)
        print("SIG");
    print_short_signal(signal);
}

/* ---- The sets ---- */

#define LARGEFILE_OF_THE_KERNEL 0100000

const struct names open_names =
    NAMES("O_???", NAME(O_CREAT), NAME(O_EXCL), NAME(O_NOCTTY), NAME(O_TRUNC), NAME(O_APPEND),
          NAME(O_NONBLOCK), NAME(O_SYNC), NAME(O_DSYNC), NAME(O_DIRECT),
          {LARGEFILE_OF_THE_KERNEL, "O_LARGEFILE"}, NAME(O_NOFOLLOW), NAME(O_NOATIME),
          NAME(O_CLOEXEC), NAME(O_PATH), NAME(O_TMPFILE), NAME(O_DIRECTORY));
const struct names pipe_names = NAMES("O_???", NAME(O_NONBLOCK), NAME(O_CLOEXEC));
const struct names access_names = NAMES("?_OK", NAME(F_OK), NAME(R_OK), NAME(W_OK), NAME(X_OK));
const struct names at_names = NAMES("AT_???", NAME(AT_SYMLINK_NOFOLLOW), NAME(AT_REMOVEDIR),
                                    NAME(AT_SYMLINK_FOLLOW), NAME(AT_EMPTY_PATH));
const struct names rename_names =
    NAMES("RENAME_???", {1, "RENAME_NOREPLACE"}, {2, "RENAME_EXCHANGE"});
const struct names prot_names =
    NAMES("PROT_???", NAME(PROT_NONE), NAME(PROT_READ), NAME(PROT_WRITE), NAME(PROT_EXEC));
const struct names map_names =
    NAMES("MAP_???", NAME(MAP_SHARED), NAME(MAP_PRIVATE), NAME(MAP_FIXED), NAME(MAP_ANONYMOUS),
          NAME(MAP_NORESERVE), NAME(MAP_POPULATE), NAME(MAP_NONBLOCK), NAME(MAP_GROWSDOWN),
          NAME(MAP_DENYWRITE), NAME(MAP_EXECUTABLE), NAME(MAP_LOCKED), NAME(MAP_STACK),
          {0x100000, "MAP_FIXED_NOREPLACE"});
const struct names seek_names = NAMES("SEEK_???", NAME(SEEK_SET), NAME(SEEK_CUR), NAME(SEEK_END));
const struct names fcntl_names =
    NAMES("F_???", NAME(F_DUPFD), NAME(F_GETFD), NAME(F_SETFD), NAME(F_GETFL), NAME(F_SETFL),
          NAME(F_GETLK), NAME(F_SETLK), NAME(F_SETLKW), NAME(F_DUPFD_CLOEXEC), NAME(F_OFD_GETLK),
          NAME(F_OFD_SETLK), NAME(F_OFD_SETLKW));
const struct names flock_names =
    NAMES("LOCK_???", NAME(LOCK_SH), NAME(LOCK_EX), NAME(LOCK_UN), NAME(LOCK_NB));
const struct names lock_names = NAMES("F_???", NAME(F_RDLCK), NAME(F_WRLCK), NAME(F_UNLCK));
const struct names fd_names = NAMES("FD_???", NAME(FD_CLOEXEC));
const struct names ioctl_names =
    NAMES("???", NAME(TCGETS), NAME(TCSETS), NAME(TCSETSW), NAME(TCSETSF), NAME(TIOCGWINSZ),
          NAME(TIOCSWINSZ), NAME(TIOCGPGRP), NAME(TIOCSPGRP), NAME(TIOCSCTTY), NAME(TIOCNOTTY),
          NAME(TIOCGSID), NAME(FIONREAD), NAME(FIONBIO), NAME(FIOCLEX), NAME(FIONCLEX));
const struct names poll_names =
    NAMES("POLL???", NAME(POLLIN), NAME(POLLPRI), NAME(POLLOUT), NAME(POLLRDNORM), NAME(POLLRDBAND),
          NAME(POLLWRNORM), NAME(POLLWRBAND), NAME(POLLERR), NAME(POLLHUP), NAME(POLLNVAL));
const struct names mask_how_names =
    NAMES("SIG_???", NAME(SIG_BLOCK), NAME(SIG_UNBLOCK), NAME(SIG_SETMASK));
const struct names sa_names = NAMES("SA_???", {0x04000000, "SA_RESTORER"}, NAME(SA_ONSTACK),
                                    NAME(SA_RESTART), NAME(SA_NODEFER), NAME(SA_RESETHAND),
                                    NAME(SA_NOCLDSTOP), NAME(SA_NOCLDWAIT), NAME(SA_SIGINFO));
const struct names ss_names = NAMES("SS_???", NAME(SS_ONSTACK), NAME(SS_DISABLE));
const struct names wait_names =
    NAMES("W???", NAME(WNOHANG), NAME(WSTOPPED), NAME(WEXITED), NAME(WCONTINUED), NAME(WNOWAIT),
          {0x80000000, "__WCLONE"}, {0x40000000, "__WALL"}, {0x20000000, "__WNOTHREAD"});
const struct names resource_names =
    NAMES("RLIMIT_???", NAME(RLIMIT_CPU), NAME(RLIMIT_FSIZE), NAME(RLIMIT_DATA), NAME(RLIMIT_STACK),
          NAME(RLIMIT_CORE), NAME(RLIMIT_RSS), NAME(RLIMIT_NPROC), NAME(RLIMIT_NOFILE),
          NAME(RLIMIT_MEMLOCK), NAME(RLIMIT_AS), NAME(RLIMIT_LOCKS), NAME(RLIMIT_SIGPENDING),
          NAME(RLIMIT_MSGQUEUE), NAME(RLIMIT_NICE), NAME(RLIMIT_RTPRIO));
const struct names clock_names =
    NAMES("CLOCK_???", NAME(CLOCK_REALTIME), NAME(CLOCK_MONOTONIC), NAME(CLOCK_PROCESS_CPUTIME_ID),
          NAME(CLOCK_THREAD_CPUTIME_ID), NAME(CLOCK_MONOTONIC_RAW), NAME(CLOCK_REALTIME_COARSE),
          NAME(CLOCK_MONOTONIC_COARSE), NAME(CLOCK_BOOTTIME), NAME(CLOCK_TAI));
const struct names timer_names = NAMES("TIMER_???", NAME(TIMER_ABSTIME));
const struct names itimer_names =
    NAMES("ITIMER_???", NAME(ITIMER_REAL), NAME(ITIMER_VIRTUAL), NAME(ITIMER_PROF));
const struct names usage_names =
    NAMES("RUSAGE_???", NAME(RUSAGE_SELF), {(uint32_t)RUSAGE_CHILDREN, "RUSAGE_CHILDREN"});
const struct names clone_names =
    NAMES("CLONE_???", NAME(CLONE_VM), NAME(CLONE_FS), NAME(CLONE_FILES), NAME(CLONE_SIGHAND),
          NAME(CLONE_PTRACE), NAME(CLONE_VFORK), NAME(CLONE_PARENT), NAME(CLONE_THREAD),
          NAME(CLONE_SYSVSEM), NAME(CLONE_SETTLS), NAME(CLONE_PARENT_SETTID),
          NAME(CLONE_CHILD_CLEARTID), NAME(CLONE_UNTRACED), NAME(CLONE_CHILD_SETTID));
const struct names mode_type_names =
    NAMES("S_IF???", NAME(S_IFREG), NAME(S_IFDIR), NAME(S_IFCHR), NAME(S_IFBLK), NAME(S_IFIFO),
          NAME(S_IFLNK), NAME(S_IFSOCK));
const struct names random_names = NAMES("GRND_???", NAME(GRND_NONBLOCK), NAME(GRND_RANDOM));
#define PRIVATE_FUTEX(operation, value)      \
    {(value), #operation},                   \
    {                                        \
        (value) | 128, #operation "_PRIVATE" \
    }
const struct names futex_names =
    NAMES("FUTEX_???", PRIVATE_FUTEX(FUTEX_WAIT, 0), PRIVATE_FUTEX(FUTEX_WAKE, 1),
          PRIVATE_FUTEX(FUTEX_WAIT_BITSET, 9), PRIVATE_FUTEX(FUTEX_WAKE_BITSET, 10));
const struct names prctl_names = NAMES("ARCH_???", {0x1001, "ARCH_SET_GS"}, {0x1002, "ARCH_SET_FS"},
                                       {0x1003, "ARCH_GET_FS"}, {0x1004, "ARCH_GET_GS"});
