/* The frame of a generator: arguments, cases, steps, random choices, probes. See generator.h. */
#include "generator.h"

#include <setjmp.h>
#include <stdlib.h>

enum { CASE_SECONDS = 20, TEXT_MAX = 4000, STEPS_MAX = 512 };

/* The arguments. */

static bool is_verbose;
static const char *left_out = "";
static bool is_kept[STEPS_MAX];
static uint64_t seed_given;

/* The current case, in its process. */

static const struct generator *running;
static unsigned case_now, steps_begun;
static bool in_step; /* a line of words has begun */
static int text_fd;  /* where the words go */
static char text[TEXT_MAX + 32];
static size_t text_len;
static uint64_t random_state;

/* Random choices: splitmix64, which is started anew for each step. */

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

void random_begin(uint64_t seed, unsigned number, unsigned step)
{
    random_state = mix(mix(mix(seed + 1) + number) + step);
}

uint64_t random_word(void)
{
    random_state += 0x9e3779b97f4a7c15;
    return mix(random_state);
}

unsigned random_to(unsigned limit)
{
    return (random_word() >> 32) % limit;
}

bool one_in(unsigned n)
{
    return random_to(n) == 0;
}

/* Words. */

void say(const char *format, ...)
{
    va_list args;
    size_t room = TEXT_MAX - text_len;

    va_start(args, format);
    int len = vsnprintf(text + text_len, room, format, args);
    va_end(args);
    text_len += (size_t)len < room ? (size_t)len : room - 1;
}

void say_flush(void)
{
    for (size_t done = 0; done < text_len;) {
        ssize_t n = write(text_fd, text + done, text_len - done);
        if (n < 0)
            _exit(99);
        done += n;
    }
    text_len = 0;
}

static const struct {
    int number;
    const char *name;
} errors[] = {
#define E(name)     \
    {               \
        name, #name \
    }
    E(EPERM),     E(ENOENT),  E(ESRCH),     E(EINTR),   E(EIO),     E(ENXIO),        E(E2BIG),
    E(ENOEXEC),   E(EBADF),   E(ECHILD),    E(EAGAIN),  E(ENOMEM),  E(EACCES),       E(EFAULT),
    E(EBUSY),     E(EEXIST),  E(EXDEV),     E(ENODEV),  E(ENOTDIR), E(EISDIR),       E(EINVAL),
    E(ENFILE),    E(EMFILE),  E(ENOTTY),    E(ETXTBSY), E(EFBIG),   E(ENOSPC),       E(ESPIPE),
    E(EROFS),     E(EMLINK),  E(EPIPE),     E(EDOM),    E(ERANGE),  E(ENAMETOOLONG), E(ENOSYS),
    E(ENOTEMPTY), E(ELOOP),   E(EOVERFLOW), E(EBADFD),  E(ELIBBAD), E(ENOTSUP),      E(ENODATA),
    E(ENOTBLK),   E(EDEADLK), E(ENOLCK),
#undef E
};

const char *error_name(int error)
{
    static char other[16];

    for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
        if (errors[i].number == error)
            return errors[i].name;
    snprintf(other, sizeof(other), "error %d", error);
    return other;
}

void say_result(long result)
{
    if (result < 0 && result >= -4095)
        say(" = %s", error_name(-result));
    else
        say(" = %ld", result);
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
    for (const uint8_t *at = bytes; len-- > 0; at++)
        hash = (hash ^ *at) * 0x100000001b3;
    return hash;
}

void say_bytes(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    if (len > 256) {
        say("%zu bytes with hash %016lx", len, hash_bytes(0, bytes, len));
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (at[i] > ' ' && at[i] < 0x7f && at[i] != '\\')
            say("%c", at[i]);
        else
            say("\\%02x", at[i]);
    }
}

/* Steps. */

static void step_end(void)
{
    if (in_step) {
        text[text_len++] = '\n';
        say_flush();
    }
    in_step = false;
}

bool step_next(void)
{
    step_end();
    while (steps_begun < running->steps_max && !is_kept[steps_begun])
        steps_begun++;
    if (steps_begun >= running->steps_max)
        return false;
    random_begin(seed_given, case_now, steps_begun);
    say("%u.%u ", case_now, steps_begun);
    steps_begun++;
    in_step = true;
    return true;
}

unsigned step_number(void)
{
    return steps_begun - 1;
}

unsigned case_number(void)
{
    return case_now;
}

/* Returns true if the name is one of a list that commas separate. */
static bool is_listed(const char *list, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = list; (at = strstr(at, name)); at += len)
        if ((at == list || at[-1] == ',') && (at[len] == ',' || at[len] == 0))
            return true;
    return false;
}

bool has_call(const char *name)
{
    return !is_listed(left_out, name);
}

long raw_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* Probes. */

int fault_signal, fault_code;
uintptr_t fault_address;
static sigjmp_buf fault_return;

static void fault_handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    fault_signal = number;
    fault_code = info->si_code;
    fault_address = (uintptr_t)info->si_addr;
    siglongjmp(fault_return, 1);
}

static void catch_faults(void)
{
    static char stack[4 * PAGE];
    struct sigaction action = {.sa_sigaction = fault_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};

    sigaltstack(&alternate, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

bool probe_read(uintptr_t address, uint8_t *byte)
{
    if (sigsetjmp(fault_return, 1))
        return false;
    *byte = *(volatile uint8_t *)address;
    return true;
}

bool probe_write(uintptr_t address, uint8_t byte)
{
    if (sigsetjmp(fault_return, 1))
        return false;
    *(volatile uint8_t *)address = byte;
    return true;
}

bool probe_write_word(uintptr_t address, uint64_t word)
{
    if (sigsetjmp(fault_return, 1))
        return false;
    __asm__ volatile("mov %0, (%1)" : : "r"(word), "r"(address) : "memory");
    return true;
}

bool probe_call(uintptr_t address)
{
    if (sigsetjmp(fault_return, 1))
        return false;
    __asm__ volatile("call *%0" : : "r"(address) : "memory");
    return true;
}

/* Cases. */

static _Noreturn void be_case(unsigned number, int fd)
{
    case_now = number;
    text_fd = fd;
    catch_faults();
    alarm(CASE_SECONDS);
    running->run();
    step_end();
    _exit(0);
}

/* Runs a case, and prints its line. Returns false if it cannot be started. */
static bool run_case(unsigned number)
{
    char words[4096];
    uint64_t hash = 0xcbf29ce484222325;
    ssize_t n;
    int fds[2], status;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return false;
    pid_t pid = fork();
    if (pid < 0)
        return false;
    if (pid == 0) {
        close(fds[0]);
        be_case(number, fds[1]);
    }
    close(fds[1]);
    while ((n = read(fds[0], words, sizeof(words))) > 0) {
        hash = hash_bytes(hash, words, n);
        if (is_verbose && write(STDOUT_FILENO, words, n) != n)
            return false;
    }
    close(fds[0]);
    if (waitpid(pid, &status, 0) != pid)
        return false;
    hash = hash_bytes(hash, &status, sizeof(status));
    if (is_verbose && status != 0)
        dprintf(STDOUT_FILENO, "%u.end %s %d\n", number,
                WIFSIGNALED(status) ? "killed by signal" : "exit status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return dprintf(STDOUT_FILENO, "case %u %016lx\n", number, hash) > 0;
}

static void keep_steps(const char *list)
{
    memset(is_kept, list == NULL, sizeof(is_kept));
    while (list && *list) {
        unsigned step = strtoul(list, (char **)&list, 10);
        if (step < STEPS_MAX)
            is_kept[step] = true;
        list += *list == ',';
    }
}

int generator_main(int argc, char **argv, const struct generator *generator)
{
    int option;

    running = generator;
    keep_steps(NULL);
    while ((option = getopt(argc, argv, "vw:k:")) != -1) {
        if (option == 'v')
            is_verbose = true;
        else if (option == 'w')
            left_out = optarg;
        else if (option == 'k')
            keep_steps(optarg);
        else
            return 2;
    }
    if (argc - optind != 3) {
        dprintf(STDERR_FILENO, "usage: %s [-v] [-w CALL,...] [-k STEP,...] SEED FIRST COUNT\n",
                argv[0]);
        return 2;
    }
    seed_given = strtoull(argv[optind], NULL, 0);
    unsigned first = strtoul(argv[optind + 1], NULL, 0);
    unsigned count = strtoul(argv[optind + 2], NULL, 0);
    for (unsigned i = 0; i < count; i++)
        if (!run_case(first + i)) {
            dprintf(STDERR_FILENO, "case %u cannot be run: %s\n", first + i, strerror(errno));
            return 1;
        }
    return 0;
}
