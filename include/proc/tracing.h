/* Tracing, as far as posting and taking signals must know of it: a state machine of each task.

                 a tracer comes               the task stops for it
           NONE ----------------> RUNNING --------------------------> HELD
            ^                      |  ^                                |
            |     the tracer goes  |  |   the tracer resumes it, or    |
            +----------------------+  |   the task must end            |
            |                         +--------------------------------+
            |     the tracer goes: the task runs on                    |
            +----------------------------------------------------------+

   Beside it, the stop that is due: the task must make it as soon as it can, even if it sleeps or is
   held now. RUNNING and HELD have the same arrows:

                       the tracer asks
           NOTHING ------------------------> TRAP
            |   ^                             |  ^
            |   +----- any stop begins -------+  |
            |                                    |
            |   SIGCONT, to a task that is       |  (SIGCONT)
            |   seized                           v
            +------------------------------> TRAP_OF_CONTINUE
                <---------------------------
                 a stop of its own begins, for a trap or a job stop

   A tracer hears of a SIGCONT for certain, so other stops do not cancel TRAP_OF_CONTINUE. When the
   tracer goes, nothing is due.

   Lock: signals.lock of the process, for all fields. Its holder makes each transition. The tree
   lock around it orders them with struct ptrace (proc/ptrace.h). */
#pragma once

enum tracing_state { TRACING_NONE, TRACING_RUNNING, TRACING_HELD };

enum tracing_due { DUE_NOTHING, DUE_TRAP, DUE_TRAP_OF_CONTINUE };

struct tracing {
    enum tracing_state state;
    enum tracing_due due;
    bool is_seized; /* by PTRACE_SEIZE; false in TRACING_NONE */
};

/* The kinds of stops that a task begins. */
enum tracing_stop {
    TRACING_STOP_OTHER,
    TRACING_STOP_OWN, /* for a trap that was due, or a job stop */
};

struct task;

/* ---- Transitions (tracing.c). signals.lock is held ---- */

/* NONE to RUNNING. */
void tracing_begin(struct task *task, bool is_seized);

/* Any state to NONE. If the process has stopped, a task that its tracer let run stops, too. */
void tracing_end(struct task *task);

/* RUNNING to HELD, of the current task. */
void tracing_hold(struct task *self, enum tracing_stop stop);

/* HELD to RUNNING, if the task is held. */
void tracing_release(struct task *task);

/* To DUE_TRAP: the tracer wants a stop. If the task may sleep, the caller interrupts it. */
void tracing_want_trap(struct task *task);

/* To DUE_TRAP_OF_CONTINUE, if the task is seized: a SIGCONT was posted. */
void tracing_tell_continue(struct task *task);

/* ---- Questions. signals.lock is held ---- */

bool is_traced(const struct task *task);
bool is_held(const struct task *task);
bool is_trap_due(const struct task *task);
