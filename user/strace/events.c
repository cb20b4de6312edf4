/* Lines about events that are no system calls. */
#define _GNU_SOURCE
#include "events.h"

#include <sys/wait.h>
#include <unistd.h>

#include "names.h"
#include "output.h"

static const struct names general_codes =
    NAMES("SI_???", NAME(SI_USER), NAME(SI_KERNEL), {(uint32_t)SI_QUEUE, "SI_QUEUE"},
          {(uint32_t)SI_TIMER, "SI_TIMER"}, {(uint32_t)SI_TKILL, "SI_TKILL"});
static const struct names child_codes =
    NAMES("CLD_???", NAME(CLD_EXITED), NAME(CLD_KILLED), NAME(CLD_DUMPED), NAME(CLD_TRAPPED),
          NAME(CLD_STOPPED), NAME(CLD_CONTINUED));
static const struct names segv_codes = NAMES("SEGV_???", NAME(SEGV_MAPERR), NAME(SEGV_ACCERR));
static const struct names bus_codes =
    NAMES("BUS_???", NAME(BUS_ADRALN), NAME(BUS_ADRERR), NAME(BUS_OBJERR));
static const struct names fpe_codes =
    NAMES("FPE_???", NAME(FPE_INTDIV), NAME(FPE_INTOVF), NAME(FPE_FLTDIV), NAME(FPE_FLTOVF),
          NAME(FPE_FLTUND), NAME(FPE_FLTRES), NAME(FPE_FLTINV), NAME(FPE_FLTSUB));
static const struct names ill_codes =
    NAMES("ILL_???", NAME(ILL_ILLOPC), NAME(ILL_ILLOPN), NAME(ILL_ILLADR), NAME(ILL_PRVOPC));
static const struct names trap_codes = NAMES("TRAP_???", {1, "TRAP_BRKPT"}, {2, "TRAP_TRACE"});

/* Returns the names of a signal's codes above 0, or NULL. */
static const struct names *codes_of(int signal)
{
    switch (signal) {
    case SIGCHLD:
        return &child_codes;
    case SIGSEGV:
        return &segv_codes;
    case SIGBUS:
        return &bus_codes;
    case SIGFPE:
        return &fpe_codes;
    case SIGILL:
        return &ill_codes;
    case SIGTRAP:
        return &trap_codes;
    default:
        return NULL;
    }
}

static bool is_special(const siginfo_t *info)
{
    return info->si_code > 0 && info->si_code != SI_KERNEL && codes_of(info->si_signo);
}

static void print_child(const siginfo_t *info)
{
    print(", si_pid=%d, si_uid=%u, si_status=", info->si_pid, info->si_uid);
    if (info->si_code == CLD_EXITED)
        print("%d", info->si_status);
    else
        print_signal(info->si_status);
    print(", si_utime=%ld, si_stime=%ld", (long)info->si_utime, (long)info->si_stime);
}

static void print_details(const siginfo_t *info)
{
    if (!is_special(info)) {
        if (info->si_code != SI_KERNEL || info->si_pid)
            print(", si_pid=%d, si_uid=%u", info->si_pid, info->si_uid);
        if (info->si_code == SI_KERNEL && info->si_signo == SIGSEGV)
            print(", si_addr=NULL");
    } else if (info->si_signo == SIGCHLD) {
        print_child(info);
    } else if (info->si_addr) {
        print(", si_addr=%p", info->si_addr);
    } else {
        print(", si_addr=NULL");
    }
}

void print_signal_line(const struct tracee *tracee, const siginfo_t *info)
{
    line_begin(tracee);
    print("--- ");
    print_signal(info->si_signo);
    print(" {si_signo=");
    print_signal(info->si_signo);
    print(", si_code=");
    print_one_of(is_special(info) ? codes_of(info->si_signo) : &general_codes,
                 (unsigned)info->si_code);
    print_details(info);
    print("} ---");
    line_end();
}

void print_stopped_line(const struct tracee *tracee, int signal)
{
    line_begin(tracee);
    print("--- stopped by ");
    print_signal(signal);
    print(" ---");
    line_end();
}

void print_superseded_line(const struct tracee *tracee, pid_t tid)
{
    line_begin(tracee);
    print("+++ superseded by execve in pid %d +++", tid);
    line_end();
}

void print_end_line(const struct tracee *tracee, int status)
{
    line_begin(tracee);
    if (WIFEXITED(status)) {
        print("+++ exited with %d +++", WEXITSTATUS(status));
    } else {
        print("+++ killed by ");
        print_signal(WTERMSIG(status));
        print("%s +++", WCOREDUMP(status) ? " (core dumped)" : "");
    }
    line_end();
}
