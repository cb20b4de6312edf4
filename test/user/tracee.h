/* A traced child, and the requests of its tracer. */
#pragma once

#include "test.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>

/* Stops as status >> 8 shows them. */
#define SYSGOOD              (SIGTRAP | 0x80)
#define EVENT(event, signal) ((event) << 8 | (signal))

/* The options that trace all children. */
#define FORKS (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

/* The system call ptrace itself: musl's function gives PEEKDATA another form. */
long trace(long request, pid_t pid, uintptr_t address, uintptr_t data);

/* Starts a child that is traced by this process, and that has stopped before its body. */
pid_t tracee_start(void (*body)(void *), void *arg, long options);

/* Waits for the next stop of a tracee. Returns status >> 8. */
int tracee_next_stop(pid_t pid);

void tracee_continue(pid_t pid);
void tracee_kill(pid_t pid); /* and reaps it */

/* The lengths of what PTRACE_GET_SYSCALL_INFO tells at an entry, at an exit and elsewhere. */
#define ENTRY_LEN 80
#define EXIT_LEN  33
#define NONE_LEN  24

/* Returns what PTRACE_GET_SYSCALL_INFO tells, whose length must be as expected. */
struct __ptrace_syscall_info tracee_call_info(pid_t pid, long expected_len);

/* Runs the tracee to the next entry or exit of a system call. */
void tracee_next_call(pid_t pid);

/* Runs the tracee to the next entry of this system call. */
void tracee_find_call(pid_t pid, long number);

/* Reads the memory of a process by process_vm_readv. */
ssize_t read_from(pid_t pid, void *to, const void *from, size_t len);

/* Bodies: one that reads a byte 'x' from a descriptor, and one that executes this program with a
   word as its argument. */
void read_byte_of_pipe(void *fd);
void exec_self(void *what);
