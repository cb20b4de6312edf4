/* See handler.h. */
#include "handler.h"

volatile sig_atomic_t handler_calls; /* how often a handler has been called */
volatile int handled_signal;
siginfo_t handled_info;
ucontext_t handled_context;

void handler_count(int signal)
{
    handled_signal = signal;
    handler_calls++;
}

void handler_keep(int signal, siginfo_t *info, void *context)
{
    handler_count(signal);
    handled_info = *info;
    handled_context = *(ucontext_t *)context;
}

void handler_set(int signal, void (*handler)(int), int flags)
{
    CHECK_OK(
        sigaction(signal, &(struct sigaction){.sa_handler = handler, .sa_flags = flags}, NULL));
    handler_calls = 0;
}

void handler_set_info(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
    CHECK_OK(sigaction(signal,
                       &(struct sigaction){.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO},
                       NULL));
    handler_calls = 0;
}

sigset_t signal_set_of(int signal)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

bool signal_is_blocked(int signal)
{
    sigset_t set;

    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &set));
    return sigismember(&set, signal);
}

void signal_mask_change(int how, int signal)
{
    sigset_t set = signal_set_of(signal);

    CHECK_OK(sigprocmask(how, &set, NULL));
}

sigjmp_buf after_fault;

void handler_escape(int signal, siginfo_t *info, void *context)
{
    handler_keep(signal, info, context);
    siglongjmp(after_fault, 1);
}
