/* The program crash: each kind ends with its signal, and the kernel gives its reason. */
#include "test.h"

#include "command.h"

static const struct crash {
    const char *kind;
    int signal;
    const char *reason; /* a part of the kernel's message */
} crashes[] = {
    {"null", SIGSEGV, "(user read, not present) addr 0x0000000000000000"},
    {"call", SIGSEGV, "(user execute, not present) addr 0x0000000000000000"},
    {"text", SIGSEGV, " is not writable"},
    {"data", SIGSEGV, " is not executable"},
    {"heap", SIGSEGV, " not mapped: 4096 bytes above the break"},
    {"freed", SIGSEGV, ": not mapped"},
    {"guard", SIGSEGV, " is not writable"},
    {"stack", SIGSEGV, " below the stack limit"},
    {"kernel", SIGSEGV, " not a user address"},
    {"canonical", SIGSEGV, " not canonical"},
    {"file", SIGBUS, " beyond the end of the file"},
    {"privileged", SIGSEGV, " a privileged instruction (hlt)"},
    {"port", SIGSEGV, " a privileged instruction (in or out)"},
    {"interrupt", SIGSEGV, " interrupt 0x20 is not for programs"},
    {"segment", SIGSEGV, " descriptor 0xfff8 is not for programs"},
    {"undefined", SIGILL, " the bytes 0f 0b are no instruction"},
    {"divide", SIGFPE, " a division by 0"},
    {"float", SIGFPE, "x87 floating-point error"},
    {"breakpoint", SIGTRAP, " a breakpoint (int3)"},
    {"step", SIGTRAP, " a single step"},
    {"handler", SIGSEGV, " no place for the frame of a signal handler"},
    {"abort", SIGABRT, ""},
};

static void crash_run(void *kind)
{
    execl("/bin/crash", "crash", kind, NULL);
}

static void each_kind_ends_with_its_signal(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(crashes); i++) {
        const struct crash *crash = &crashes[i];
        pid_t pid = start_child(crash_run, (void *)crash->kind);

        if (!killed_by(wait_child(pid), crash->signal))
            test_fail(__FILE__, __LINE__, "crash %s", crash->kind);
        if (!strstr(kernel_message(pid), crash->reason))
            test_fail(__FILE__, __LINE__, "crash %s: \"%s\"", crash->kind, kernel_message(pid));
    }
}

static void an_unknown_kind_is_refused(void)
{
    prints(2, "crash nothing", "");
    prints(2, "crash null null", "");
}

int main(void)
{
    pagoda_only();
    RUN(each_kind_ends_with_its_signal);
    RUN(an_unknown_kind_is_refused);
    return test_end();
}
