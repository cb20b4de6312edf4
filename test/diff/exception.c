/* Every exception that a program can cause, with random registers, and the whole context that the
   signal handler sees.

   A step loads all registers, and jumps into a piece of code that faults. The handler keeps the
   context and replaces it by random registers that go on behind the piece. Of the registers, only
   those are said that are not what was loaded: in the context ("seen"), and behind the handler
   ("after"). An address is said from the piece of code (C), the memory that it accesses (A), or the
   stack (S) on. */
#include "generator.h"

#include <ucontext.h>

enum { STEPS = 1, GENERAL = 15, STACK_BYTES = 4096 };

#define ARITHMETIC 0xcd5ul /* CF, PF, AF, ZF, SF, DF, OF */
#define ALWAYS_SET 0x202ul /* the fixed bit, and IF */
#define RESUME     0x10000ul

/* Memory: a page each with all rights, read-only, no access; a file's page behind its end; then
   nothing. */
#define ARENA 0x20000000000ul

/* The pieces of code, each with its name. The address under test is in rax. */
#define PIECES(P)                                                                                \
    P(load, "mov (%rax), %rbx")                                                                  \
    P(load_byte, "movzbl (%rax), %ebx")                                                          \
    P(store, "mov %rbx, (%rax)")                                                                 \
    P(store_byte, "movb %cl, (%rax)")                                                            \
    P(add, "add %rcx, (%rax)")                                                                   \
    P(locked_add, "lock; add %ecx, (%rax)")                                                      \
    P(exchange, "xchg %rcx, (%rax)")                                                             \
    P(load_sse, "movups (%rax), %xmm3")                                                          \
    P(store_sse, "movups %xmm3, (%rax)")                                                         \
    P(load_aligned, "movaps (%rax), %xmm3")                                                      \
    P(store_aligned, "movaps %xmm3, (%rax)")                                                     \
    P(cmpxchg16b, "lock; cmpxchg16b (%rax)")                                                     \
    P(fxsave, "fxsave (%rax)")                                                                   \
    P(fill, "cld; mov $600, %ecx; mov %rax, %rdi; rep; stosq")                                   \
    P(fill_down, "std; mov $600, %ecx; mov %rax, %rdi; rep; stosq; cld")                         \
    P(copy, "cld; mov $900, %ecx; mov %rax, %rsi; lea diff_scratch(%rip), %rdi; rep; movsw")     \
    P(jump, "jmp *%rax")                                                                         \
    P(call, "call *%rax")                                                                        \
    P(jump_through, "jmp *(%rax)")                                                               \
    P(push, "mov %rax, %rsp; push %rbx")                                                         \
    P(pop, "mov %rax, %rsp; pop %rbx")                                                           \
    P(call_on_stack, "mov %rax, %rsp; call diff_resume")                                         \
    P(load_by_rbp, "mov %rax, %rbp; mov 8(%rbp), %rcx")                                          \
    P(return_to, "push %rax; ret")                                                               \
    P(divide, "mov $0, %ecx; div %rcx")                                                          \
    P(divide_32, "mov $0, %ecx; divl %ecx")                                                      \
    P(divide_overflow, "mov $-1, %rdx; mov $2, %ecx; div %rcx")                                  \
    P(divide_signed, "movabs $1 << 63, %rax; cqo; mov $-1, %rcx; idiv %rcx")                     \
    P(undefined, "ud2")                                                                          \
    P(undefined_1, ".byte 0x0f, 0xb9, 0xc0")                                                     \
    P(into, ".byte 0xce")                                                                        \
    P(push_all, ".byte 0x60")                                                                    \
    P(far_call, ".byte 0x9a")                                                                    \
    P(adjust, ".byte 0xd4, 0x00")                                                                \
    P(bad_lock, ".byte 0xf0, 0x89, 0xc3")                                                        \
    P(too_long, ".fill 15, 1, 0x66; nop")                                                        \
    P(breakpoint, "int3")                                                                        \
    P(breakpoint_2, "int $3")                                                                    \
    P(int_0, "int $0")                                                                           \
    P(int_1, "int $1")                                                                           \
    P(int_2, "int $2")                                                                           \
    P(int_4, "int $4")                                                                           \
    P(int_8, "int $8")                                                                           \
    P(int_13, "int $13")                                                                         \
    P(int_14, "int $14")                                                                         \
    P(int_32, "int $32")                                                                         \
    P(int_255, "int $255")                                                                       \
    P(halt, "hlt")                                                                               \
    P(disable, "cli")                                                                            \
    P(enable, "sti")                                                                             \
    P(input, "in %dx, %al")                                                                      \
    P(output, "out %eax, %dx")                                                                   \
    P(input_string, "insb")                                                                      \
    P(read_cr0, "mov %cr0, %rax")                                                                \
    P(write_cr3, "mov %rax, %cr3")                                                               \
    P(read_cr8, "mov %cr8, %rax")                                                                \
    P(read_dr7, "mov %db7, %rax")                                                                \
    P(read_msr, "rdmsr")                                                                         \
    P(write_msr, "wrmsr")                                                                        \
    P(load_gdt, "lgdt (%rsp)")                                                                   \
    P(load_idt, "lidt (%rsp)")                                                                   \
    P(load_task, "ltr %ax")                                                                      \
    P(load_ldt, "lldt %ax")                                                                      \
    P(load_status, "lmsw %ax")                                                                   \
    P(clear_task, "clts")                                                                        \
    P(invalidate, "invlpg (%rax)")                                                               \
    P(write_back, "wbinvd")                                                                      \
    P(swap_gs, "swapgs")                                                                         \
    P(system_return, "sysretq")                                                                  \
    P(load_ds, "mov $0x1234, %ecx; mov %ecx, %ds")                                               \
    P(load_es, "mov $0xfff8, %ecx; mov %ecx, %es")                                               \
    P(load_ss, "mov $0, %ecx; mov %ecx, %ss")                                                    \
    P(load_ss_2, "mov $0x4321, %ecx; mov %ecx, %ss")                                             \
    P(far_return, "push $0x8888; push $0; lretq")                                                \
    P(interrupt_return, "push $0x7777; push $0; push $2; push $0x6666; push $0; iretq")          \
    P(interrupt_return_2, "push $0; push $0; push $2; push $0; push $0; iretq")                  \
    P(step, "pushfq; orl $0x100, (%rsp); popfq; nop; nop")                                       \
    P(step_branch, "pushfq; orl $0x100, (%rsp); popfq; jmp 1f; nop; 1: nop; nop")                \
    P(step_call, "pushfq; orl $0x100, (%rsp); popfq; mov $39, %eax; syscall; mov $1, %eax; nop") \
    P(float_divide, "push $0x37b; fldcw (%rsp); fld1; fldz; fdivrp; fwait")                      \
    P(float_invalid, "push $0x37e; fldcw (%rsp); fldz; fldz; fdivrp; fwait")                     \
    P(float_inexact, "push $0x35f; fldcw (%rsp); fld1; fldpi; fdivrp; fwait")                    \
    P(float_stack, "push $0x37e; fldcw (%rsp); fstp %st(0); fwait")                              \
    P(sse_divide, "push $0x1d80; ldmxcsr (%rsp); xorps %xmm1, %xmm1; "                           \
                  "mov $1, %ecx; cvtsi2ss %ecx, %xmm0; divss %xmm1, %xmm0")                      \
    P(sse_invalid, "push $0x1f00; ldmxcsr (%rsp); mov $-1, %ecx; cvtsi2sd %ecx, %xmm0; "         \
                   "sqrtsd %xmm0, %xmm0")                                                        \
    P(sse_inexact, "push $0x0f80; ldmxcsr (%rsp); mov $3, %ecx; cvtsi2sd %ecx, %xmm1; "          \
                   "mov $1, %ecx; cvtsi2sd %ecx, %xmm0; divsd %xmm1, %xmm0")                     \
    P(sse_reserved, "push $-1; ldmxcsr (%rsp)")                                                  \
    P(nothing, "nop")                                                                            \
    P(missing_call, "mov $999, %eax; syscall")

#define CODE(name, text) "code_" #name ": " text "\n jmp diff_resume\n"
__asm__(".text\n" PIECES(CODE) "code_end:\n");

#define DECLARE(name, text) extern const char code_##name[];
PIECES(DECLARE)
extern const char code_end[];

#define NAME(name, text) {#name, code_##name},
static const struct {
    const char *name, *code;
} pieces[] = {PIECES(NAME)};

/* In the order of diff_enter. The name of each, and its place in the context. */
static const struct {
    const char *name;
    int greg;
} registers[GENERAL] = {{"rax", REG_RAX}, {"rbx", REG_RBX}, {"rcx", REG_RCX}, {"rdx", REG_RDX},
                        {"rsi", REG_RSI}, {"rdi", REG_RDI}, {"rbp", REG_RBP}, {"r8", REG_R8},
                        {"r9", REG_R9},   {"r10", REG_R10}, {"r11", REG_R11}, {"r12", REG_R12},
                        {"r13", REG_R13}, {"r14", REG_R14}, {"r15", REG_R15}};

struct state {
    uint64_t general[GENERAL];
    uint64_t rsp, rflags;
    uint8_t sse[16][16];
};

/* diff_enter loads diff_in, and jumps to diff_code. Behind that code, diff_resume stores the
   registers in diff_out, and returns from diff_enter. */
struct state diff_in, diff_out;
const char *diff_code;
uint64_t diff_saved_rsp;
uint32_t diff_sse_default = 0x1f80;
uint8_t diff_scratch[4096];
uint8_t diff_stack[STACK_BYTES] __attribute__((aligned(16)));
void diff_enter(void);
extern const char diff_resume[];

/* clang-format off */
#define EACH_SSE(X) \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define EACH_GENERAL(X) \
    X(0, rax) X(1, rbx) X(2, rcx) X(3, rdx) X(4, rsi) X(5, rdi) X(6, rbp) X(7, r8) X(8, r9) \
    X(9, r10) X(10, r11) X(11, r12) X(12, r13) X(13, r14) X(14, r15)
/* clang-format on */
#define LOAD_SSE(n)         "movdqu diff_in+136+16*" #n "(%rip), %xmm" #n "\n"
#define STORE_SSE(n)        "movdqu %xmm" #n ", diff_out+136+16*" #n "(%rip)\n"
#define LOAD_GENERAL(n, r)  "mov diff_in+8*" #n "(%rip), %" #r "\n"
#define STORE_GENERAL(n, r) "mov %" #r ", diff_out+8*" #n "(%rip)\n"
_Static_assert(offsetof(struct state, rsp) == 120 && offsetof(struct state, sse) == 136, "layout");

/* clang-format off */
__asm__(".text\n"
        ".globl diff_enter\n"
        "diff_enter:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "mov %rsp, diff_saved_rsp(%rip)\n"
        EACH_SSE(LOAD_SSE)
        "mov diff_in+120(%rip), %rsp\n"
        "push diff_in+128(%rip)\n"
        "popfq\n"
        EACH_GENERAL(LOAD_GENERAL)
        "jmp *diff_code(%rip)\n"
        ".globl diff_resume\n"
        "diff_resume:\n"
        EACH_GENERAL(STORE_GENERAL)
        "mov %rsp, diff_out+120(%rip)\n"
        "mov diff_saved_rsp(%rip), %rsp\n"
        "pushfq; pop diff_out+128(%rip)\n"
        "cld\n"
        EACH_SSE(STORE_SSE)
        "fninit\n"
        "ldmxcsr diff_sse_default(%rip)\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "ret\n");
/* clang-format on */

/* What the handler saw. */
static struct {
    int signal;
    siginfo_t info;
    greg_t gregs[NGREG];
    struct _fpstate fpu;
} seen;

static struct state after; /* what the handler puts in the place of what it saw */

static void handler(int number, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    greg_t *gregs = context->uc_mcontext.gregs;

    seen.signal = number;
    seen.info = *info;
    memcpy(seen.gregs, gregs, sizeof(seen.gregs));
    memcpy(&seen.fpu, context->uc_mcontext.fpregs, sizeof(seen.fpu));
    for (unsigned i = 0; i < GENERAL; i++)
        gregs[registers[i].greg] = after.general[i];
    gregs[REG_RSP] = after.rsp;
    gregs[REG_EFL] = after.rflags;
    gregs[REG_RIP] = (greg_t)diff_resume;
    memcpy(context->uc_mcontext.fpregs->_xmm, after.sse, sizeof(after.sse));
}

static void fill(struct state *state)
{
    for (unsigned i = 0; i < GENERAL; i++)
        state->general[i] = random_word() >> random_to(64);
    for (unsigned i = 0; i < sizeof(state->sse); i++)
        state->sse[i / 16][i % 16] = random_word();
    state->rsp = (uint64_t)diff_stack + STACK_BYTES - 1024 - 8 * random_to(8);
    state->rflags = ALWAYS_SET | (random_word() & ARITHMETIC);
}

static uintptr_t any_address(void)
{
    static const uintptr_t fixed[] = {0,
                                      8,
                                      0xfff,
                                      1ul << 47,
                                      (1ul << 47) - 1,
                                      (1ul << 47) - 4,
                                      1ul << 63,
                                      -1ul,
                                      -8ul,
                                      0xffff800000000000,
                                      0xffff7ffffffffff8,
                                      0xffffffff81000000,
                                      0xffff888000000000,
                                      0x123456789abcdef0};
    static const unsigned offsets[] = {0, 0, 1, 4, 8, 2048, 4080, 4088, 4092, 4095, 4094};

    if (one_in(3))
        return ANY_OF(fixed);
    return ARENA + random_to(6) * PAGE + ANY_OF(offsets);
}

static void say_address(uintptr_t address)
{
    if (address - (uintptr_t)diff_code < 256)
        say("C+%ld", (long)(address - (uintptr_t)diff_code));
    else if (address - (uintptr_t)diff_stack < STACK_BYTES)
        say("S+%ld", (long)(address - (uintptr_t)diff_stack));
    else if (address - (uintptr_t)diff_scratch < sizeof(diff_scratch))
        say("D+%ld", (long)(address - (uintptr_t)diff_scratch));
    else if (address - ARENA < 8 * PAGE)
        say("A+%ld", (long)(address - ARENA));
    else if (address == (uintptr_t)diff_resume)
        say("resume");
    else
        say("%#lx", address);
}

static void say_register(const char *name, uint64_t value, uint64_t expected)
{
    if (value == expected)
        return;
    say(" %s=", name);
    say_address(value);
}

static void say_seen(void)
{
    greg_t *gregs = seen.gregs;

    say(": signal %d, code %d, address ", seen.signal, seen.info.si_code);
    say_address((uintptr_t)seen.info.si_addr);
    say(", trap %lld, error %#llx", gregs[REG_TRAPNO], gregs[REG_ERR]);
    if (gregs[REG_TRAPNO] == 14) {
        say(", cr2 ");
        say_address(gregs[REG_CR2]);
    }
    say("; seen:");
    for (unsigned i = 0; i < GENERAL; i++)
        say_register(registers[i].name, gregs[registers[i].greg], diff_in.general[i]);
    say_register("rsp", gregs[REG_RSP], diff_in.rsp);
    say_register("rip", gregs[REG_RIP], (uintptr_t)diff_code);
    say_register("flags", gregs[REG_EFL] & ~RESUME, diff_in.rflags);
    say(" segments=%llx", gregs[REG_CSGSFS] & 0xffff);
    say(" x87=%x,%x sse=%x", seen.fpu.cwd, seen.fpu.swd, seen.fpu.mxcsr);
    for (unsigned i = 0; i < 16; i++)
        if (memcmp(&seen.fpu._xmm[i], diff_in.sse[i], 16) != 0) {
            say(" xmm%u=", i);
            say_bytes(&seen.fpu._xmm[i], 16);
        }
}

static void say_after(const struct state *expected)
{
    say("; after:");
    for (unsigned i = 0; i < GENERAL; i++)
        say_register(registers[i].name, diff_out.general[i], expected->general[i]);
    say_register("rsp", diff_out.rsp, expected->rsp);
    say_register("flags", diff_out.rflags, expected->rflags);
    for (unsigned i = 0; i < 16; i++)
        if (memcmp(diff_out.sse[i], expected->sse[i], 16) != 0)
            say(" xmm%u", i);
}

static void act(void)
{
    unsigned choice = random_to(ARRAY_SIZE(pieces));

    diff_code = pieces[choice].code;
    fill(&diff_in);
    fill(&after);
    diff_in.general[0] = any_address();
    say("%s at ", pieces[choice].name);
    say_address(diff_in.general[0]);
    memset(&seen, 0, sizeof(seen));
    diff_enter();
    if (seen.signal) {
        say_seen();
        say_after(&after);
    } else {
        say_after(&diff_in);
    }
}

static void map_arena(void)
{
    int flags = MAP_PRIVATE | MAP_FIXED;
    int fd = open("subject", O_RDWR | O_CREAT | O_TRUNC, 0600);
    char *at = (char *)ARENA;

    unlink("subject");
    if (fd < 0 || write(fd, "x", 1) != 1 ||
        mmap(at, 6 * PAGE, PROT_READ, flags, fd, 0) == MAP_FAILED ||
        mmap(at, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, flags | MAP_ANONYMOUS, -1, 0) != at ||
        mprotect(at + 2 * PAGE, PAGE, PROT_NONE) < 0 || munmap(at + 5 * PAGE, PAGE) < 0)
        _exit(95);
    memset(at, 0xcc, PAGE); /* int3 */
    close(fd);
}

static void run(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    map_arena();
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        sigaction(signals[i], &action, NULL);
    while (step_next())
        act();
}

int main(int argc, char **argv)
{
    return generator_main(argc, argv, &(struct generator){.run = run, .steps_max = STEPS});
}
