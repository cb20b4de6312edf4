/* Waiting for children and tracees: wait4(2) and waitid(2). */
#pragma once

#include <proc/process.h>

/* The children that are waited for, and the changes, as waitid(2) names them. */
struct wait_request {
    int which;   /* P_ALL, P_PID, P_PGID */
    int id;      /* the process or group; with P_PGID, 0 is the caller's group */
    int options; /* WEXITED, WSTOPPED, WCONTINUED, WNOHANG; WNOWAIT: the status stays; __WALL,
                    __WCLONE and __WNOTHREAD choose among the children */
};

struct wait_result {
    int pid, status;            /* as wait4(2) returns them */
    bool is_trap;               /* a stop for the caller, which is its tracer */
    struct process_usage usage; /* of the child and the children that it has waited for */
};

/* Waits for a child or tracee of the current process. Returns 1 with a result; 0 if there is none
   yet and WNOHANG is set. -ECHILD: there never will be one. -EINTR. */
__must_check int process_wait(const struct wait_request *request, struct wait_result *result);

/* Frees up to `count` processes that nobody waits for. May sleep; no lock is held. */
void process_reap_disowned(unsigned count);
