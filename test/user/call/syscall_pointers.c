/* System calls that are given a pointer: every call, with every kind of memory behind the pointer.

   Where the memory is promised, the call works as with any other memory. The kernel may be the
   first to touch the page, or the first to write it since a fork.

   Where the program itself may not read or write, the call returns EFAULT and changes nothing; the
   process goes on. Calls that move a buffer may stop at the bad place, and return how many bytes
   they moved. */
#include "fixed_files.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <time.h>

#include "statx.h"

#include <sys/calls.h> /* the kernel's own list */

/* What a system call does with its pointer. */
enum {
    IN = 1,           /* reads there */
    OUT = 2,          /* writes there */
    NULL_IS_FINE = 4, /* takes NULL for "nothing", or refuses it in another way */
    SOME_IS_FINE = 8, /* a run of bytes: stops where the memory ends */
    VARIES = 16,      /* never writes the same twice */
    GIVES_FD = 32,    /* returns a descriptor */
    GIVES_PIPE = 64,  /* writes two descriptors */
    NOT_LINUX = 128,  /* Linux may not let us */
};

struct call {
    const char *name;
    int kind;            /* of the above */
    int position;        /* of the pointer among the arguments */
    const void *content; /* what stands there; NULL: zeros */
    size_t len;          /* of what is read or written there */
    long number;
    long args[5];
};

#define CALL(kind, position, content, len, name, ...)    \
    {                                                    \
#name, kind, position, content, len, SYS_##name, \
        {                                                \
            __VA_ARGS__                                  \
        }                                                \
    }
#define PATH(position, path, name, ...)   CALL(IN, position, path, sizeof(path), name, __VA_ARGS__)
#define WRITES(position, type, name, ...) CALL(OUT, position, NULL, sizeof(type), name, __VA_ARGS__)
#define READS(position, object, name, ...) \
    CALL(IN, position, &object, sizeof(object), name, __VA_ARGS__)

static struct stat about;
static struct linux_statx about_more;
static struct statfs about_system;
static char moved[16];
static const char text[16] = "sixteen bytes.\n";
static const struct iovec vector = {moved, sizeof(moved)};
static const struct pollfd polled = {.fd = FILE_FD, .events = POLLIN};
static const struct rlimit limit = {MIB, MIB};
static const struct timespec moment = {.tv_nsec = 1000};
static const struct timespec file_times[2] = {{.tv_sec = 1}, {.tv_sec = 2}};
static const int zero;
static const uint64_t no_cpus;
static const struct flock unlocked = {.l_type = F_UNLCK};
static const uint32_t word;
static uint64_t ignored;

/* As the kernel has them. */
struct kernel_sigaction {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};
static const struct kernel_sigaction ignore = {.handler = SIG_IGN};
static const uint64_t sigurg_mask = 1 << (SIGURG - 1);

static const struct timespec no_time;
static const siginfo_t queued = {.si_code = SI_QUEUE};
static const stack_t no_stack = {.ss_flags = SS_DISABLE};
static const struct itimerval no_timer;

static struct pollfd polled_here = {.fd = FILE_FD, .events = POLLIN};
static const struct timeval no_wait;
static const struct epoll_event event = {.events = EPOLLIN};
static const uint64_t file_set = 1 << FILE_FD;
static uint64_t asked_set = 1 << FILE_FD;

#define ARCH_GET_FS  0x1003
#define LOG_READ_ALL 3
#define FUTEX_WAIT   0
#define F_OFD_GETLK  36

/* The table of calls. The 0 at `position` stands for the pointer. Each call can be repeated,
   because most fail with an error that shows that the kernel has read the path. */
static const struct call calls[] = {
    CALL(OUT | SOME_IS_FINE, 1, NULL, 16, read, FILE_FD, 0, 16),
    CALL(OUT | SOME_IS_FINE, 1, NULL, 16, pread64, FILE_FD, 0, 16, 0),
    CALL(IN | SOME_IS_FINE, 1, text, 16, write, FILE_FD, 0, 16),
    CALL(IN | SOME_IS_FINE, 1, text, 16, pwrite64, FILE_FD, 0, 16, 0),
    READS(1, vector, readv, FILE_FD, 0, 1),
    READS(1, vector, writev, FILE_FD, 0, 1),
    READS(1, vector, preadv, FILE_FD, 0, 1, 0, 0),
    READS(1, vector, pwritev, FILE_FD, 0, 1, 0, 0),
    READS(1, vector, preadv2, FILE_FD, 0, 1, 0, 0),
    READS(1, vector, pwritev2, FILE_FD, 0, 1, 0, 0),
    CALL(IN | GIVES_FD, 0, "file", 5, open, 0, O_RDONLY),
    CALL(IN | GIVES_FD, 0, "file", 5, open, 0, O_RDWR | O_CREAT, 0644),
    CALL(IN | GIVES_FD, 1, "file", 5, openat, AT_FDCWD, 0, O_RDONLY),
    CALL(IN | GIVES_FD, 0, "file", 5, creat, 0, 0644),
    PATH(0, "file", stat, 0, (long)&about),
    WRITES(1, struct stat, stat, (long)"dir", 0),
    PATH(0, "link", lstat, 0, (long)&about),
    WRITES(1, struct stat, lstat, (long)"dir", 0),
    WRITES(1, struct stat, fstat, DIR_FD, 0),
    PATH(1, "file", newfstatat, AT_FDCWD, 0, (long)&about, 0),
    WRITES(2, struct stat, newfstatat, AT_FDCWD, (long)"dir", 0, 0),
    PATH(1, "file", statx, AT_FDCWD, 0, 0, LINUX_STATX_BASIC_STATS, (long)&about_more),
    CALL(OUT | VARIES, 4, NULL, sizeof(struct linux_statx), statx, AT_FDCWD, (long)"dir", 0,
         LINUX_STATX_BASIC_STATS),
    CALL(IN | NULL_IS_FINE, 0, "/dev/null", 10, mount, 0, (long)"dir", (long)"ext2", 0, 0),
    PATH(1, "dir", mount, (long)"/dev/null", 0, (long)"ext2", 0, 0),
    CALL(IN | NULL_IS_FINE, 2, "none", 5, mount, (long)"/dev/null", (long)"dir", 0, 0, 0),
    CALL(IN | NULL_IS_FINE | SOME_IS_FINE, 4, "none", 5, mount, (long)"/dev/null", (long)"dir",
         (long)"ext2", 0, 0),
    PATH(0, "dir", umount2, 0, 0),
    PATH(0, "file", statfs, 0, (long)&about_system),
    CALL(OUT | VARIES, 1, NULL, sizeof(struct statfs), statfs, (long)"/tmp", 0),
    CALL(OUT | VARIES, 1, NULL, sizeof(struct statfs), fstatfs, FILE_FD, 0),
    PATH(0, "file", access, 0, F_OK),
    PATH(1, "file", faccessat, AT_FDCWD, 0, F_OK),
    PATH(1, "file", faccessat2, AT_FDCWD, 0, F_OK, 0),
    PATH(0, ".", chdir, 0),
    PATH(0, "dir", mkdir, 0, 0755),
    PATH(1, "dir", mkdirat, AT_FDCWD, 0, 0755),
    PATH(0, "dir", mknod, 0, S_IFREG | 0644, 0),
    PATH(1, "dir", mknodat, AT_FDCWD, 0, S_IFREG | 0644, 0),
    PATH(0, "file", rmdir, 0),
    PATH(0, "file/x", unlink, 0),
    PATH(1, "file/x", unlinkat, AT_FDCWD, 0, 0),
    PATH(0, "dir", rename, 0, (long)"file"),
    PATH(1, "file", rename, (long)"dir", 0),
    PATH(1, "dir", renameat, AT_FDCWD, 0, AT_FDCWD, (long)"file"),
    PATH(3, "file", renameat, AT_FDCWD, (long)"dir", AT_FDCWD, 0),
    PATH(1, "dir", renameat2, AT_FDCWD, 0, AT_FDCWD, (long)"file", 0),
    PATH(3, "file", renameat2, AT_FDCWD, (long)"dir", AT_FDCWD, 0, 0),
    PATH(0, "file", link, 0, (long)"link"),
    PATH(1, "link", link, (long)"file", 0),
    PATH(1, "file", linkat, AT_FDCWD, 0, AT_FDCWD, (long)"link", 0),
    PATH(3, "link", linkat, AT_FDCWD, (long)"file", AT_FDCWD, 0, 0),
    PATH(0, "target", symlink, 0, (long)"file"),
    PATH(1, "file", symlink, (long)"target", 0),
    PATH(0, "target", symlinkat, 0, AT_FDCWD, (long)"file"),
    PATH(2, "file", symlinkat, (long)"target", AT_FDCWD, 0),
    PATH(0, "link", readlink, 0, (long)&about, sizeof(about)),
    CALL(OUT, 1, NULL, 10, readlink, (long)"link", 0, 10),
    PATH(1, "link", readlinkat, AT_FDCWD, 0, (long)&about, sizeof(about)),
    CALL(OUT, 2, NULL, 10, readlinkat, AT_FDCWD, (long)"link", 0, 10),
    PATH(0, "file", truncate, 0, FILE_LEN),
    PATH(0, "file", chmod, 0, 0644),
    PATH(1, "file", fchmodat, AT_FDCWD, 0, 0644),
    PATH(0, "file", chown, 0, -1, -1),
    PATH(0, "link", lchown, 0, -1, -1),
    PATH(1, "file", fchownat, AT_FDCWD, 0, -1, -1, 0),
    PATH(1, "file", utimensat, AT_FDCWD, 0, (long)file_times, 0),
    CALL(IN | NULL_IS_FINE, 2, file_times, sizeof(file_times), utimensat, AT_FDCWD, (long)"file", 0,
         0),
    CALL(OUT, 0, NULL, 200, getcwd, 0, 200),
    CALL(OUT, 1, NULL, 1000, getdents, DIR_FD, 0, 1000),
    CALL(OUT, 1, NULL, 1000, getdents64, DIR_FD, 0, 1000),
    PATH(0, "file", execve, 0, 0, 0),
    PATH(1, "file", execveat, AT_FDCWD, 0, 0, 0, 0),
    CALL(IN | OUT, 0, &polled, sizeof(polled), poll, 0, 1, 0),
    CALL(IN | OUT, 0, &polled, sizeof(polled), ppoll, 0, 1, (long)&no_time, 0, 0),
    CALL(IN | NULL_IS_FINE, 2, &no_time, sizeof(no_time), ppoll, (long)&polled_here, 1, 0, 0, 0),
    CALL(IN | NULL_IS_FINE, 3, &sigurg_mask, 8, ppoll, (long)&polled_here, 1, (long)&no_time, 0, 8),
    CALL(IN | NULL_IS_FINE, 1, &file_set, 8, select, FILE_FD + 1, 0, 0, 0, (long)&no_wait),
    CALL(IN | NULL_IS_FINE, 2, &file_set, 8, select, FILE_FD + 1, 0, 0, 0, (long)&no_wait),
    CALL(IN | NULL_IS_FINE, 3, &file_set, 8, select, FILE_FD + 1, 0, 0, 0, (long)&no_wait),
    CALL(IN | NULL_IS_FINE, 4, &no_wait, sizeof(no_wait), select, FILE_FD + 1, (long)&asked_set),
    CALL(IN | NULL_IS_FINE, 1, &file_set, 8, pselect6, FILE_FD + 1, 0, 0, 0, (long)&no_time),
    /* Refused, because a regular file is always ready; but the event is fetched before. */
    CALL(IN, 3, &event, sizeof(event), epoll_ctl, FILE_FD, EPOLL_CTL_ADD, FILE_FD, 0),
    CALL(OUT | GIVES_PIPE, 0, NULL, 8, pipe, 0),
    CALL(OUT | GIVES_PIPE, 0, NULL, 8, pipe2, 0, O_CLOEXEC),
    READS(2, zero, ioctl, FILE_FD, FIONBIO, 0),
    WRITES(2, int, ioctl, FILE_FD, FIONREAD, 0),
    CALL(OUT, 0, NULL, 390, uname, 0),
    CALL(OUT | VARIES, 0, NULL, 112, sysinfo, 0),
    CALL(OUT | NULL_IS_FINE | VARIES | NOT_LINUX, 1, NULL, 100, syslog, LOG_READ_ALL, 0, 100),
    CALL(OUT | VARIES, 1, NULL, sizeof(struct rusage), getrusage, RUSAGE_SELF, 0),
    WRITES(1, struct rlimit, getrlimit, RLIMIT_STACK, 0),
    READS(1, limit, setrlimit, RLIMIT_CORE, 0),
    CALL(IN | NULL_IS_FINE, 2, &limit, sizeof(limit), prlimit64, 0, RLIMIT_CORE, 0, 0),
    CALL(OUT | NULL_IS_FINE, 3, NULL, sizeof(limit), prlimit64, 0, RLIMIT_STACK, 0, 0),
    READS(0, moment, nanosleep, 0, 0),
    READS(2, moment, clock_nanosleep, CLOCK_MONOTONIC, 0, 0, 0),
    CALL(OUT | VARIES, 1, NULL, 16, clock_gettime, CLOCK_MONOTONIC, 0),
    CALL(OUT | NULL_IS_FINE, 1, NULL, 16, clock_getres, CLOCK_MONOTONIC, 0),
    CALL(OUT | NULL_IS_FINE | VARIES, 0, NULL, 16, gettimeofday, 0, 0),
    CALL(OUT | NULL_IS_FINE, 1, NULL, 8, gettimeofday, 0, 0),
    CALL(OUT | SOME_IS_FINE | VARIES, 0, NULL, 16, getrandom, 0, 16, 0),
    CALL(IN | NULL_IS_FINE, 1, &ignore, sizeof(ignore), rt_sigaction, SIGURG, 0, 0, 8),
    CALL(OUT | NULL_IS_FINE, 2, NULL, sizeof(ignore), rt_sigaction, SIGUSR1, 0, 0, 8),
    CALL(IN | NULL_IS_FINE, 1, &sigurg_mask, 8, rt_sigprocmask, SIG_BLOCK, 0, 0, 8),
    CALL(OUT | NULL_IS_FINE, 2, NULL, 8, rt_sigprocmask, SIG_BLOCK, 0, 0, 8),
    WRITES(0, uint64_t, rt_sigpending, 0, 8),
    READS(0, sigurg_mask, rt_sigtimedwait, 0, 0, (long)&no_time, 8),
    READS(2, queued, rt_sigqueueinfo, 1 << 22, 0, 0),
    READS(3, queued, rt_tgsigqueueinfo, 1 << 22, 1 << 22, 0, 0),
    CALL(IN | NULL_IS_FINE, 0, &no_stack, sizeof(no_stack), sigaltstack, 0, 0),
    CALL(OUT | NULL_IS_FINE, 1, NULL, sizeof(no_stack), sigaltstack, 0, 0),
    WRITES(1, struct itimerval, getitimer, ITIMER_REAL, 0),
    CALL(OUT | NULL_IS_FINE, 2, NULL, sizeof(no_timer), setitimer, ITIMER_REAL, (long)&no_timer, 0),
    WRITES(1, uint64_t, arch_prctl, ARCH_GET_FS, 0),
    READS(2, unlocked, fcntl, FILE_FD, F_SETLK, 0),
    CALL(IN, 2, &unlocked, sizeof(unlocked), fcntl, FILE_FD, F_OFD_GETLK, 0),
    WRITES(0, uid_t, getresuid, 0, (long)&ignored, (long)&ignored),
    WRITES(1, uid_t, getresuid, (long)&ignored, 0, (long)&ignored),
    WRITES(2, gid_t, getresgid, (long)&ignored, (long)&ignored, 0),
    PATH(1, "name", prctl, PR_SET_NAME, 0),
    CALL(OUT, 1, NULL, 16, prctl, PR_GET_NAME, 0),
    WRITES(1, int, prctl, PR_GET_PDEATHSIG, 0),
    CALL(IN | NULL_IS_FINE, 3, &no_time, sizeof(no_time), futex, (long)&word, FUTEX_WAIT, 1, 0),
    WRITES(1, uint64_t, get_robust_list, 0, 0, (long)&ignored),
    WRITES(2, uint64_t, get_robust_list, 0, (long)&ignored, 0),
    CALL(OUT | NULL_IS_FINE | VARIES, 0, NULL, 8, time, 0),
    CALL(OUT | NULL_IS_FINE | VARIES, 0, NULL, 4, getcpu, 0, 0, 0),
    CALL(OUT | NULL_IS_FINE, 1, NULL, 4, getcpu, 0, 0, 0),
    CALL(OUT, 2, NULL, 2, mincore, 0x400000, 2 * PAGE),
    READS(2, no_cpus, sched_setaffinity, 0, sizeof(no_cpus), 0),
    WRITES(2, uint64_t, sched_getaffinity, 0, sizeof(uint64_t), 0),
    CALL(IN | NULL_IS_FINE, 2, &zero, sizeof(zero), sched_setscheduler, 0, 0, 0),
    CALL(IN | NULL_IS_FINE, 1, &zero, sizeof(zero), sched_setparam, 0, 0),
    CALL(OUT | NULL_IS_FINE, 1, NULL, sizeof(zero), sched_getparam, 0, 0),
    WRITES(1, struct timespec, sched_rr_get_interval, 0, 0),
};

/* Those that are not in the table. */
static const long other_calls[] = {
    /* Calls without a pointer to memory, or with one that is not followed. */
    SYS_close, SYS_close_range, SYS_fchown, SYS_lseek, SYS_dup, SYS_dup2, SYS_dup3, SYS_fcntl,
    SYS_ftruncate, SYS_fallocate, SYS_fchdir, SYS_umask, SYS_fchmod, SYS_flock, SYS_fsync,
    SYS_fdatasync, SYS_sync, SYS_sync_file_range, SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise,
    SYS_mprotect, SYS_mlock, SYS_mlock2, SYS_munlock, SYS_mlockall, SYS_munlockall, SYS_msync,
    SYS_brk, SYS_fork, SYS_vfork, SYS_membarrier, SYS_set_robust_list, SYS_rseq, SYS_exit,
    SYS_exit_group, SYS_getpid, SYS_gettid, SYS_getppid, SYS_setpgid, SYS_getpgid, SYS_getpgrp,
    SYS_setsid, SYS_getsid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_setuid,
    SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setfsuid,
    SYS_setfsgid, SYS_getgroups, SYS_setgroups, SYS_sched_yield, SYS_getpriority, SYS_setpriority,
    SYS_sched_getscheduler, SYS_sched_get_priority_max, SYS_sched_get_priority_min,
    SYS_set_tid_address, SYS_kill, SYS_tkill, SYS_tgkill, SYS_reboot, SYS_rt_sigreturn, SYS_pause,
    SYS_alarm, SYS_unshare,
    /* Take a descriptor and numbers. */
    SYS_syncfs, SYS_fadvise64, SYS_readahead,
    /* In file_copies.c. */
    SYS_sendfile, SYS_copy_file_range,
    /* Each time it succeeds, it opens a file; the case of a bad pointer is in memfd.c. */
    SYS_memfd_create,
    /* In sysv_shm.c, with the segments that they need. */
    SYS_shmget, SYS_shmat, SYS_shmdt, SYS_shmctl,
    /* In epolls.c, with the epolls that they need. */
    SYS_epoll_create, SYS_epoll_create1, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,
    /* Waits until a handler has run. */
    SYS_rt_sigsuspend,
    /* Each is a case of syscall_buffers.c. */
    SYS_wait4, SYS_waitid, SYS_clone, SYS_times,
    /* In thread_calls.c. */
    SYS_clone3,
    /* In posix_timers.c. */
    SYS_timer_create, SYS_timer_settime, SYS_timer_gettime, SYS_timer_getoverrun, SYS_timer_delete,
    /* In ptrace.c and ptrace_memory.c, with the processes that they need. */
    SYS_ptrace, SYS_process_vm_readv};

static bool is_known(long number)
{
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        if (calls[i].number == number)
            return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(other_calls); i++) {
        if (other_calls[i] == number)
            return true;
    }
    return false;
}

static void no_call_is_left_out(void)
{
#define LISTED(name) {#name, SYS_##name},
    static const struct {
        const char *name;
        long number;
    } kernels[] = {LINUX_CALLS(LISTED)};

    for (size_t i = 0; i < ARRAY_SIZE(kernels); i++) {
        if (!is_known(kernels[i].number))
            test_fail(__FILE__, __LINE__, "%s is not in the table of calls", kernels[i].name);
    }
}

static bool is_to_be_made(const struct call *call)
{
    return on_pagoda() || !(call->kind & NOT_LINUX);
}

static long make_call(const struct call *call, const void *pointer)
{
    long args[5];

    memcpy(args, call->args, sizeof(args));
    args[call->position] = (long)pointer;
    errno = 0;
    return syscall(call->number, args[0], args[1], args[2], args[3], args[4]);
}

/* Memory that was promised. */

/* The effects of a call: its result, the bytes that it wrote, and the state of the file. */
struct effect {
    long result;
    int error;
    char bytes[1024]; /* behind the pointer */
    char file[FILE_LEN];
    long offset; /* of the file */
};

static void make_call_and_look(const struct call *call, char *pointer, struct effect *effect)
{
    memset(effect, 0, sizeof(*effect));
    effect->result = make_call(call, pointer);
    effect->error = errno;
    if (effect->result >= 0 && (call->kind & GIVES_FD))
        CHECK_OK(close(effect->result));
    memcpy(effect->bytes, pointer, call->len);
    if (effect->result == 0 && (call->kind & GIVES_PIPE)) {
        CHECK_OK(close(((int *)effect->bytes)[0]));
        CHECK_OK(close(((int *)effect->bytes)[1]));
    }
    CHECK_OK(pread(FILE_FD, effect->file, FILE_LEN, 0));
    effect->offset = CHECK_OK(lseek(FILE_FD, 0, SEEK_CUR));
    fixed_file_fill();
    CHECK_OK(lseek(DIR_FD, 0, SEEK_SET));
}

static bool effects_agree(const struct call *call, const struct effect *a, const struct effect *b)
{
    if (a->result != b->result || a->error != b->error || a->offset != b->offset ||
        memcmp(a->file, b->file, FILE_LEN) != 0)
        return false;
    return (call->kind & VARIES) || memcmp(a->bytes, b->bytes, call->len) == 0;
}

static void check_as_elsewhere(const struct call *call, const char *place, char *pointer,
                               const void *content)
{
    static struct effect expected, effect;
    static char ordinary[1024] __attribute__((aligned(8)));

    memset(ordinary, 0, sizeof(ordinary));
    if (content)
        memcpy(ordinary, content, call->len);
    make_call_and_look(call, ordinary, &expected);
    make_call_and_look(call, pointer, &effect);
    if (expected.error == EFAULT || !effects_agree(call, &expected, &effect))
        test_fail(__FILE__, __LINE__, "%s with argument %d %s: %ld, %s, but elsewhere %ld, %s",
                  call->name, call->position, place, effect.result, strerror(effect.error),
                  expected.result, strerror(expected.error));
}

static void a_call_can_use_an_untouched_page(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        if (!is_to_be_made(&calls[i]))
            continue;
        char *page = map_pages(1);
        check_as_elsewhere(&calls[i], "on an untouched page", page + 64, NULL);
        unmap_pages(page, 1);
    }
}

/* Returns the number of bytes up to the last that is not zero. The test must write these. */
static size_t content_len(const struct call *call)
{
    size_t len = call->content ? call->len : 0;

    while (len > 0 && ((const char *)call->content)[len - 1] == 0)
        len--;
    return len;
}

/* The bytes that the test must write fill a page to its end. The rest are zeros on the next
   page. */
static void a_call_can_cross_onto_an_untouched_page(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        const struct call *call = &calls[i];
        size_t len = content_len(call);

        if (!is_to_be_made(call))
            continue;
        char *pages = map_pages(2);
        char *pointer = pages + PAGE - (len ? len : call->len / 2);
        poke(pages, 1);
        if (len)
            memcpy(pointer, call->content, len);
        check_as_elsewhere(call, "that goes on on an untouched page", pointer, call->content);
        CHECK_EQ(peek(pages), 1);
        unmap_pages(pages, 2);
    }
}

struct copied {
    const char *page;
    char original[PAGE];
};

static void compare_page(void *arg)
{
    const struct copied *copied = arg;

    CHECK(memcmp(copied->page, copied->original, PAGE) == 0);
}

/* A child shares the page, and must not see what the call writes. */
static void a_call_does_not_write_what_a_child_shares(void)
{
    static struct copied copied;

    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        const struct call *call = &calls[i];
        struct held_child sharer;

        if (!is_to_be_made(call))
            continue;
        char *page = map_pages(1);
        memset(page, 'c', PAGE);
        memset(page + 64, 0, call->len);
        if (call->content)
            memcpy(page + 64, call->content, call->len);
        copied.page = page;
        memcpy(copied.original, page, PAGE);
        hold_child(&sharer, compare_page, &copied);
        check_as_elsewhere(call, "on a shared page", page + 64, call->content);
        CHECK(exited_with(release_child(&sharer), 0));
        CHECK_EQ(peek(page + 63), 'c');
        CHECK_EQ(peek(page + 64 + call->len), 'c');
        unmap_pages(page, 1);
    }
}

/* Memory that is not there, or not for this. */

static void call_fails(const struct call *call, const char *place, const void *pointer)
{
    long result = make_call(call, pointer);

    if (result != -1 || errno != EFAULT)
        test_fail(__FILE__, __LINE__, "%s with argument %d %s (%p): %ld, %s", call->name,
                  call->position, place, pointer, result, strerror(result == -1 ? errno : 0));
}

static void all_calls_fail(int kinds, const char *place, const void *pointer)
{
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        bool is_allowed = !pointer && (calls[i].kind & NULL_IS_FINE);

        if ((calls[i].kind & kinds) && !is_allowed && is_to_be_made(&calls[i]))
            call_fails(&calls[i], place, pointer);
    }
}

static void no_call_uses_what_is_no_memory(void)
{
    all_calls_fail(IN | OUT, "null", NULL);
    all_calls_fail(IN | OUT, "in the first page", (void *)8);
    all_calls_fail(IN | OUT, "at the end of the user's half", (void *)0x7ffffffff000);
    all_calls_fail(IN | OUT, "not canonical", (void *)0x4141414141414141);
    all_calls_fail(IN | OUT, "in the direct map", (void *)0xffff800000800000);
    all_calls_fail(IN | OUT, "in the kernel's memory", (void *)0xffff888000100000);
    all_calls_fail(IN | OUT, "in the kernel's text", (void *)0xffffffff80100000);
    all_calls_fail(IN | OUT, "about to wrap", (void *)-1);
    all_calls_fail(IN | OUT, "in a hole", map_hole(1));
}

static void no_call_uses_protected_memory(void)
{
    char *page = map_pages(1);

    CHECK_OK(mprotect(page, PAGE, PROT_READ));
    all_calls_fail(OUT, "on a page to read", page);
    CHECK(is_zero(page, PAGE));
    CHECK_OK(mprotect(page, PAGE, PROT_NONE));
    all_calls_fail(IN | OUT, "on a protected page", page);
    unmap_pages(page, 1);
    all_calls_fail(OUT, "in the program's text", (void *)(uintptr_t)call_fails);
}

static bool moves_a_run_of_bytes(const struct call *call)
{
    return call->kind & SOME_IS_FINE;
}

static void structures_and_strings_may_not_cross_the_end(void)
{
    char *end = cliff();

    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        end[-1] = 'x'; /* of a string without an end */
        if (!moves_a_run_of_bytes(&calls[i]) && is_to_be_made(&calls[i]))
            call_fails(&calls[i], "at the end of a page", end - 1);
    }
    unmap_pages(end - PAGE, 1);
}

int main(void)
{
    fixed_files_enter();
    RUN(no_call_is_left_out);
    RUN(a_call_can_use_an_untouched_page);
    RUN(a_call_can_cross_onto_an_untouched_page);
    RUN(a_call_does_not_write_what_a_child_shares);
    RUN(nothing_has_changed);
    RUN(no_call_uses_what_is_no_memory);
    RUN(no_call_uses_protected_memory);
    RUN(structures_and_strings_may_not_cross_the_end);
    RUN(nothing_has_changed);
    fixed_files_leave();
    return test_end();
}
