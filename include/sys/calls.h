/* The list of system calls. A name stands for the call's number, Linux's or Pagoda's own, and for
   the function sys_NAME in kernel/sys/. The test test/user/call/syscall_pointers.c goes through the
   whole list, and strace takes its names from it. */
#pragma once

/* clang-format off */
#define FILE_CALLS(X)                                                                              \
    X(read) X(write) X(readv) X(writev) X(pread64) X(pwrite64) X(preadv) X(pwritev)                \
    X(preadv2) X(pwritev2) X(open) X(openat) X(creat) X(close) X(close_range) X(lseek)             \
    X(dup) X(dup2) X(dup3) X(pipe) X(pipe2) X(fcntl) X(ioctl)                                      \
    X(poll) X(ppoll) X(select) X(pselect6)                                                         \
    X(epoll_create) X(epoll_create1) X(epoll_ctl) X(epoll_wait) X(epoll_pwait) X(epoll_pwait2)     \
    X(stat) X(fstat) X(lstat) X(newfstatat) X(statx) X(statfs) X(fstatfs)                          \
    X(access) X(faccessat) X(faccessat2) X(getdents) X(getdents64)                                 \
    X(mkdir) X(mkdirat) X(mknod) X(mknodat) X(link) X(linkat) X(symlink) X(symlinkat)              \
    X(rmdir) X(unlink) X(unlinkat) X(rename) X(renameat) X(renameat2)                              \
    X(truncate) X(ftruncate) X(fallocate) X(chdir) X(fchdir) X(getcwd) X(umask)                    \
    X(readlink) X(readlinkat)                                                                      \
    X(chmod) X(fchmod) X(fchmodat) X(chown) X(fchown) X(lchown) X(fchownat) X(utimensat)           \
    X(flock) X(fsync) X(fdatasync) X(sync) X(sync_file_range) X(syncfs) X(mount) X(umount2)        \
    X(fadvise64) X(readahead) X(sendfile) X(copy_file_range)

#define MEMORY_CALLS(X) X(mmap) X(munmap) X(mprotect) X(mremap) X(madvise) X(brk)             \
    X(mlock) X(mlock2) X(munlock) X(mlockall) X(munlockall) X(mincore) X(msync) X(memfd_create)   \
    X(shmget) X(shmat) X(shmdt) X(shmctl)

#define PROCESS_CALLS(X)                                                                           \
    X(fork) X(vfork) X(clone) X(execve) X(execveat) X(exit) X(exit_group)                          \
    X(wait4) X(waitid) X(unshare)                                                                  \
    X(getpid) X(gettid) X(getppid) X(setpgid) X(getpgid) X(getpgrp) X(setsid) X(getsid)            \
    X(getuid) X(geteuid) X(getgid) X(getegid) X(setuid) X(setgid) X(setreuid) X(setregid)          \
    X(setresuid) X(setresgid) X(getresuid) X(getresgid) X(setfsuid) X(setfsgid)                    \
    X(getgroups) X(setgroups) X(set_tid_address) X(arch_prctl) X(clone3) X(prctl) X(futex)         \
    X(set_robust_list) X(get_robust_list) X(rseq) X(membarrier) X(ptrace)                          \
    X(process_vm_readv)

#define SCHED_CALLS(X)                                                                             \
    X(sched_yield) X(sched_setaffinity) X(sched_getaffinity) X(getcpu) X(setpriority)              \
    X(getpriority) X(sched_setscheduler) X(sched_getscheduler) X(sched_setparam)                   \
    X(sched_getparam) X(sched_get_priority_max) X(sched_get_priority_min)                          \
    X(sched_rr_get_interval)

#define SIGNAL_CALLS(X)                                                                            \
    X(kill) X(tkill) X(tgkill) X(rt_sigqueueinfo) X(rt_tgsigqueueinfo)                             \
    X(rt_sigaction) X(rt_sigprocmask) X(rt_sigreturn) X(rt_sigpending)                             \
    X(rt_sigsuspend) X(rt_sigtimedwait) X(pause) X(sigaltstack) X(alarm) X(setitimer)              \
    X(getitimer) X(timer_create) X(timer_settime) X(timer_gettime) X(timer_getoverrun)             \
    X(timer_delete)

#define SYSTEM_CALLS(X)                                                                            \
    X(uname) X(sysinfo) X(syslog) X(time) X(clock_gettime) X(clock_getres) X(gettimeofday)         \
    X(nanosleep) X(clock_nanosleep) X(getrlimit) X(setrlimit) X(prlimit64) X(getrusage) X(times)   \
    X(getrandom) X(reboot)
/* clang-format on */

#define LINUX_CALLS(X) \
    FILE_CALLS(X) MEMORY_CALLS(X) PROCESS_CALLS(X) SCHED_CALLS(X) SIGNAL_CALLS(X) SYSTEM_CALLS(X)

#define PAGODA_CALLS(X) X(sbrk) X(audit)
