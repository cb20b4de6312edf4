/* Registers belong to a process: system calls, other processes and fork leave them alone.

   Two processes take turns through pipes, each with contents that the other does not have. So
   another process has surely run in between. */
#include "test.h"

#include <sys/syscall.h>

#define ARCH_SET_FS 0x1002 /* arch_prctl: the base of FS. musl has no name for it */

/* Two processes that run one after the other. The last step of each turn wakes the other
   process. */
struct turns {
    struct gate first, second;
};

static struct turns turns_make(void)
{
    return (struct turns){gate_make(), gate_make()};
}

static void turns_destroy(const struct turns *turns)
{
    gate_destroy(&turns->first);
    gate_destroy(&turns->second);
}

/* A system call without the C library, which finds errno through FS. */
static long raw_syscall(long number, long a, long b, long c)
{
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return number;
}

/* General registers. */

static void a_system_call_changes_only_three_registers(void)
{
    register uint64_t r8 __asm__("r8") = 8, r9 __asm__("r9") = 9, r10 __asm__("r10") = 10;
    register uint64_t r12 __asm__("r12") = 12, r13 __asm__("r13") = 13;
    register uint64_t r14 __asm__("r14") = 14, r15 __asm__("r15") = 15;
    uint64_t rax = SYS_sched_yield, rbx = 1, rdi = 2, rsi = 3, rdx = 4;

    __asm__ volatile("syscall"
                     : "+a"(rax), "+b"(rbx), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r8), "+r"(r9),
                       "+r"(r10), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15)
                     :
                     : "rcx", "r11", "memory");
    uint64_t found[] = {rax, rbx, rdi, rsi, rdx, r8, r9, r10, r12, r13, r14, r15};
    static const uint64_t expected[] = {0, 1, 2, 3, 4, 8, 9, 10, 12, 13, 14, 15};
    for (size_t i = 0; i < ARRAY_SIZE(found); i++)
        CHECK_EQ(found[i], expected[i]);
}

/* The kernel uses its own stack from the first instruction on. */
static long getpid_on_stack(uintptr_t stack)
{
    long result = SYS_getpid;

    __asm__ volatile("mov %%rsp, %%r12; mov %1, %%rsp; syscall; mov %%r12, %%rsp"
                     : "+a"(result)
                     : "r"(stack)
                     : "rcx", "r11", "r12", "memory");
    return result;
}

static void a_system_call_needs_no_stack(void)
{
    CHECK_EQ(getpid_on_stack(0), getpid());
    CHECK_EQ(getpid_on_stack((uintptr_t)map_hole(1)), getpid());
    CHECK_EQ(getpid_on_stack(0xffff888000100000), getpid());
    CHECK_EQ(getpid_on_stack(0x4141414141414141), getpid());
}

/* With the direction flag set, string instructions run backwards; those of the kernel must not. */
static long syscall_backwards(long number, long a, const void *b, long c)
{
    __asm__ volatile("std; syscall; cld"
                     : "+a"(number)
                     : "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory", "cc");
    return number;
}

static void the_kernel_copies_forwards(void)
{
    static char bytes[3 * PAGE];
    int zero = CHECK_OK(open("/dev/zero", O_RDONLY)), fds[2];

    make_pipe(fds);
    memset(bytes, 'x', sizeof(bytes));
    CHECK_EQ(syscall_backwards(SYS_read, zero, bytes + PAGE, PAGE), PAGE);
    CHECK_EQ(peek(bytes + PAGE - 1), 'x');
    CHECK(is_zero(bytes + PAGE, PAGE));
    CHECK_EQ(peek(bytes + 2 * PAGE), 'x');
    CHECK_EQ(syscall_backwards(SYS_write, fds[1], bytes, 2 * PAGE), 2 * PAGE);
    memset(bytes, 'y', sizeof(bytes));
    CHECK_EQ(syscall_backwards(SYS_read, fds[0], bytes, 2 * PAGE), 2 * PAGE);
    CHECK_EQ(peek(bytes), 'x');
    CHECK_EQ(peek(bytes + PAGE - 1), 'x');
    CHECK(is_zero(bytes + PAGE, PAGE));
    CHECK_OK(close(zero));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

/* Floating point: x87 and SSE registers with their control words, in the layout of FXSAVE (Intel
   SDM volume 1, section 10.5). */
struct fp_state {
    uint16_t control, status;
    uint8_t tags, reserved;
    uint16_t opcode;
    uint64_t instruction, operand; /* not compared: the CPU need not keep them */
    uint32_t sse_control, sse_control_mask;
    uint8_t x87[8][16]; /* ten bytes of each are in use */
    uint8_t xmm[16][16];
    uint8_t unused[96];
} __attribute__((aligned(16)));

_Static_assert(sizeof(struct fp_state) == 512, "the layout is the processor's");

/* Makes a system call with these registers, and stores what they are afterwards. */
static long syscall_with(long number, long a, long b, long c, const struct fp_state *before,
                         struct fp_state *after)
{
    struct fp_state own;

    __asm__ volatile(
        "fxsave64 %[own]; fxrstor64 %[before]; syscall; fxsave64 %[after]; fxrstor64 %[own]"
        : "+a"(number), [own] "=m"(own), [after] "=m"(*after)
        : "D"(a), "S"(b), "d"(c), [before] "m"(*before)
        : "rcx", "r11", "memory");
    return number;
}

/* Returns contents for every register, which depend on the seed. */
static struct fp_state fp_state_make(uint64_t seed)
{
    struct fp_state state = {.tags = 0xff};

    state.control = 0x37f | (seed % 4) << 10;      /* the rounding mode */
    state.sse_control = 0x1f80 | (seed % 4) << 13; /* the same */
    for (int i = 0; i < 8; i++) {
        for (int byte = 0; byte < 10; byte++)
            state.x87[i][byte] = random_next(&seed);
    }
    for (int i = 0; i < 16; i++) {
        for (int byte = 0; byte < 16; byte++)
            state.xmm[i][byte] = random_next(&seed);
    }
    return state;
}

static void fp_state_check(const struct fp_state *a, const struct fp_state *b)
{
    CHECK_EQ(a->control, b->control);
    CHECK_EQ(a->sse_control, b->sse_control);
    CHECK_EQ(a->tags, b->tags);
    for (int i = 0; i < 8; i++)
        CHECK(memcmp(a->x87[i], b->x87[i], 10) == 0);
    CHECK(memcmp(a->xmm, b->xmm, sizeof(a->xmm)) == 0);
}

static void a_system_call_keeps_floating_point(void)
{
    struct fp_state before = fp_state_make(1), after;

    CHECK_EQ(syscall_with(SYS_getpid, 0, 0, 0, &before, &after), getpid());
    fp_state_check(&before, &after);
}

static void fork_copies_floating_point(void)
{
    struct fp_state before = fp_state_make(2), after;
    long pid = syscall_with(SYS_fork, 0, 0, 0, &before, &after);

    fp_state_check(&before, &after);
    if (pid == 0)
        _exit(0);
    CHECK(pid > 0);
    CHECK(exited_with(wait_child(pid), 0));
}

/* Waits for its turn with the registers full, and then wakes the other process. */
static void take_turns(const struct gate *mine, const struct gate *other, uint64_t seed)
{
    for (int i = 0; i < 100; i++) {
        struct fp_state before = fp_state_make(seed + 4 * i), after;
        char byte;

        CHECK_EQ(syscall_with(SYS_read, mine->fds[0], (long)&byte, 1, &before, &after), 1);
        fp_state_check(&before, &after);
        gate_open(other);
    }
}

static void take_first_turns(void *turns)
{
    take_turns(&((struct turns *)turns)->first, &((struct turns *)turns)->second, 1000001);
}

static void other_processes_keep_off_floating_point(void)
{
    struct turns turns = turns_make();
    pid_t pid = start_child(take_first_turns, &turns);

    gate_open(&turns.first);
    take_turns(&turns.second, &turns.first, 2000002);
    CHECK(exited_with(wait_child(pid), 0));
    turns_destroy(&turns);
}

/* Long computations that are preempted at any point. Their results must not depend on other
   processes. */
static double compute(double x)
{
    for (int i = 0; i < 200000; i++)
        x = 3.9 * x * (1 - x);
    return x;
}

struct computation {
    double start, result;
};

static void compute_again(void *arg)
{
    const struct computation *computation = arg;

    CHECK(compute(computation->start) == computation->result);
}

static void computations_do_not_meet(void)
{
    struct computation computations[3];
    pid_t pids[3];

    for (int i = 0; i < 3; i++) {
        double start = 0.1 + 0.2 * i;
        computations[i] = (struct computation){start, compute(start)};
    }
    for (int i = 0; i < 3; i++)
        pids[i] = start_child(compute_again, &computations[i]);
    for (int i = 0; i < 3; i++)
        CHECK(exited_with(wait_child(pids[i]), 0));
}

/* Thread-local data, which is found through the base of FS. */

static __thread int local_data = 42;
static __thread int local_bss;

static void change_local(void *unused)
{
    (void)unused;
    CHECK_EQ(local_data, 42);
    local_data = local_bss = 1;
}

static void thread_local_data_is_there(void)
{
    CHECK_EQ(local_data, 42);
    CHECK_EQ(local_bss, 0);
    CHECK(exits_with(0, change_local, NULL));
    CHECK_EQ(local_data, 42);
    CHECK_EQ(local_bss, 0);
}

static uint64_t read_fs(void)
{
    uint64_t value;

    __asm__ volatile("mov %%fs:0, %0" : "=r"(value));
    return value;
}

/* Takes turns with FS moved. Until FS is restored, no function of the C library may be called.
   Returns true if FS has kept its value. */
static bool fs_stays_at(uint64_t *base, const struct gate *mine, const struct gate *other)
{
    uint64_t own_base = read_fs(); /* the C library keeps the base at the base */
    bool is_kept = true;
    char byte;

    raw_syscall(SYS_arch_prctl, ARCH_SET_FS, (long)base, 0);
    for (int i = 0; i < 100; i++) {
        is_kept &= raw_syscall(SYS_read, mine->fds[0], (long)&byte, 1) == 1;
        is_kept &= read_fs() == *base;
        is_kept &= raw_syscall(SYS_write, other->fds[1], (long)"", 1) == 1;
    }
    raw_syscall(SYS_arch_prctl, ARCH_SET_FS, own_base, 0);
    return is_kept;
}

static void keep_first_base(void *arg)
{
    const struct turns *turns = arg;
    uint64_t base = 111;

    CHECK(fs_stays_at(&base, &turns->first, &turns->second));
}

static void other_processes_keep_off_fs(void)
{
    struct turns turns = turns_make();
    uint64_t base = 222;
    pid_t pid = start_child(keep_first_base, &turns);

    gate_open(&turns.first);
    CHECK(fs_stays_at(&base, &turns.second, &turns.first));
    CHECK(exited_with(wait_child(pid), 0));
    turns_destroy(&turns);
}

static void fs_cannot_point_into_the_kernel(void)
{
    CHECK_EQ(raw_syscall(SYS_arch_prctl, ARCH_SET_FS, (long)0xffff888000100000, 0), -EPERM);
    CHECK_EQ(raw_syscall(SYS_arch_prctl, ARCH_SET_FS, 0x4141414141414141, 0), -EPERM);
    CHECK_EQ(raw_syscall(SYS_arch_prctl, 0x7777, 0, 0), -EINVAL);
    CHECK_EQ(local_data, 42);
}

int main(void)
{
    RUN(a_system_call_changes_only_three_registers);
    RUN(a_system_call_needs_no_stack);
    RUN(the_kernel_copies_forwards);
    RUN(a_system_call_keeps_floating_point);
    RUN(fork_copies_floating_point);
    RUN(other_processes_keep_off_floating_point);
    RUN(computations_do_not_meet);
    RUN(thread_local_data_is_there);
    RUN(other_processes_keep_off_fs);
    RUN(fs_cannot_point_into_the_kernel);
    return test_end();
}
