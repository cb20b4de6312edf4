/* The doors of the kernel against a hostile program: broken signal frames, forbidden flags, every
   interrupt number, privileged instructions, and addresses at the end of user space. Each attempt
   kills its process or does nothing. The parent, the kernel and all other processes go on. */
#include "test.h"

#include <sys/syscall.h>
#include <ucontext.h>

/* Broken frames: a handler changes its own signal frame, and returns through it. */

enum part { CS, SS, RIP, FLAGS, MXCSR, FPSTATE, RSP };

static struct {
    enum part part;
    uint64_t value;
} damage;

static void damage_frame(int signal, siginfo_t *info, void *context)
{
    mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
    greg_t *registers = machine->gregs;
    uint64_t segments = registers[REG_CSGSFS];

    (void)signal;
    (void)info;
    switch (damage.part) {
    case CS:
        registers[REG_CSGSFS] = (segments & ~0xffffUL) | damage.value;
        break;
    case SS:
        registers[REG_CSGSFS] = (segments & ~(0xffffUL << 48)) | damage.value << 48;
        break;
    case RIP:
        registers[REG_RIP] = damage.value;
        break;
    case FLAGS:
        registers[REG_EFL] = damage.value;
        break;
    case RSP:
        registers[REG_RSP] = damage.value;
        break;
    case MXCSR:
        machine->fpregs->mxcsr = damage.value;
        break;
    case FPSTATE:
        machine->fpregs = (void *)damage.value;
        break;
    }
}

/* Exits with 0 if the process goes on behind the signal, without having touched its stack. */
static void return_damaged(void *unused)
{
    struct sigaction action = {.sa_sigaction = damage_frame, .sa_flags = SA_SIGINFO};

    (void)unused;
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    __asm__ volatile("syscall; mov %%ebx, %%eax; xor %%edi, %%edi; syscall"
                     :
                     : "a"(SYS_kill), "D"(getpid()), "S"(SIGUSR1), "b"(SYS_exit_group)
                     : "rcx", "r11", "memory");
}

static int status_with(enum part part, uint64_t value)
{
    damage.part = part;
    damage.value = value;
    return in_child(return_damaged, NULL);
}

static void check_damage_kills(enum part part, uint64_t value)
{
    if (!killed_by(status_with(part, value), SIGSEGV))
        test_fail(__FILE__, __LINE__, "part %d as %#lx does not kill", part, value);
}

/* A system may kill the process or let it go on; both are right. */
static void try_damage(enum part part, uint64_t value)
{
    int status = status_with(part, value);

    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0) || WIFSIGNALED(status));
}

static void a_broken_code_segment_kills_or_does_nothing(void)
{
    for (uint64_t selector = 0; selector < 0x80; selector++) {
        uint16_t own;

        __asm__("mov %%cs, %0" : "=r"(own));
        if (selector != own && selector != 0x23) /* Linux's own 32-bit code */
            try_damage(CS, selector);
    }
    check_damage_kills(CS, 0xffff);
    check_damage_kills(CS, 0xfff8);
}

static void a_broken_stack_segment_kills_or_does_nothing(void)
{
    for (uint64_t selector = 0; selector < 0x80; selector++)
        try_damage(SS, selector);
    check_damage_kills(SS, 0xffff);
    check_damage_kills(SS, 0xfff8);
}

static void a_return_to_nowhere_kills(void)
{
    check_damage_kills(RIP, 0);
    check_damage_kills(RIP, 0x7ffffffff000);     /* the last page of the user's half */
    check_damage_kills(RIP, 0x7fffffffffff);     /* its last byte */
    check_damage_kills(RIP, 0x800000000000);     /* the first that is not canonical */
    check_damage_kills(RIP, 0x4141414141414141); /* another */
    check_damage_kills(RIP, 0xffff7fffffffffff); /* the last */
    check_damage_kills(RIP, 0xffff800000000000); /* the kernel */
    check_damage_kills(RIP, 0xffffffff80100000);
    check_damage_kills(RIP, UINT64_MAX);
}

/* The processor checks a stack pointer only when it is used. */
static void a_stack_that_does_not_exist_is_harmless(void)
{
    try_damage(RSP, 0);
    try_damage(RSP, 0x4141414141414141);
    try_damage(RSP, 0xffffffff80100000);
    try_damage(RSP, UINT64_MAX);
}

static void broken_flags_are_harmless(void)
{
    try_damage(FLAGS, 0);
    for (int bit = 0; bit < 64; bit++)
        try_damage(FLAGS, 0x202 | 1UL << bit);
    try_damage(FLAGS, UINT64_MAX);
}

/* Returns from a handler with these flags, and stores the flags that are set then. */
static uint64_t flags_returned_to(uint64_t value)
{
    struct sigaction action = {.sa_sigaction = damage_frame, .sa_flags = SA_SIGINFO};
    uint64_t flags;

    damage.part = FLAGS;
    damage.value = value;
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    __asm__ volatile("syscall; pushf; pop %0; cld"
                     : "=r"(flags)
                     : "a"(SYS_kill), "D"(getpid()), "S"(SIGUSR1)
                     : "rcx", "r11", "memory", "cc");
    return flags;
}

#define IF   (1UL << 9)
#define IOPL (3UL << 12)

/* A program that can switch off interrupts would own the machine. */
static void flags_that_give_power_are_not_taken(void)
{
    CHECK_EQ(flags_returned_to(0) & IF, IF);
    CHECK_EQ(flags_returned_to(IF | IOPL) & IOPL, 0);
    CHECK_EQ(flags_returned_to(IF | 1) & 1, 1); /* the carry is its own */
}

static void broken_floating_point_is_harmless(void)
{
    check_damage_kills(MXCSR, 0xffff0000);
    check_damage_kills(MXCSR, 0x80000000);
    try_damage(MXCSR, 0);
    check_damage_kills(FPSTATE, 8);
    check_damage_kills(FPSTATE, 0x4141414141414141);
    check_damage_kills(FPSTATE, 0xffffffff80100000);
    try_damage(FPSTATE, 0);
}

static void return_from_nothing(void *stack)
{
    __asm__ volatile("mov %0, %%rsp; syscall; ud2" : : "r"(stack), "a"(SYS_rt_sigreturn));
    __builtin_unreachable();
}

static void a_frame_that_does_not_exist_kills(void)
{
    char *page = map_pages(1);

    CHECK(dies_by(SIGSEGV, return_from_nothing, (void *)8));
    CHECK(dies_by(SIGSEGV, return_from_nothing, (void *)0x4141414141414141));
    CHECK(dies_by(SIGSEGV, return_from_nothing, (void *)0xffffffff80100000));
    CHECK(dies_by(SIGSEGV, return_from_nothing, page));             /* all zero */
    CHECK(dies_by(SIGSEGV, return_from_nothing, page + PAGE - 16)); /* half there */
    unmap_pages(page, 1);
}

/* Fills a frame with random bytes. Valid segments and code make the kernel use more of it. */
static void frames_of_random_bytes_are_harmless(void)
{
    uint64_t seed = random_seed();
    uint32_t *words = (uint32_t *)map_pages(2);

    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < 2 * PAGE / sizeof(*words); i++)
            words[i] = random_next(&seed);
        int status = in_child(return_from_nothing, (char *)words + 64);
        CHECK(WIFSIGNALED(status));
    }
    unmap_pages(words, 2);
}

/* Flags. */

/* Makes a system call with these bits of rflags set. Returns rflags after the call. */
static uint64_t flags_across_call(uint64_t set)
{
    uint64_t flags, result = SYS_getppid;

    __asm__ volatile("pushf; orq %2, (%%rsp); popf; syscall; pushf; pop %1; push %1\n"
                     "andq %3, (%%rsp); popf"
                     : "+a"(result), "=&r"(flags)
                     : "r"(set), "r"(~set)
                     : "rcx", "r11", "cc", "memory");
    CHECK_EQ(result, getppid());
    return flags;
}

#define DF (1UL << 10)
#define NT (1UL << 14)
#define AC (1UL << 18)
#define ID (1UL << 21)

static void flags_stay_across_a_system_call(void)
{
    CHECK_EQ(flags_across_call(DF) & DF, DF);
    CHECK_EQ(flags_across_call(AC) & AC, AC);
    CHECK_EQ(flags_across_call(ID) & ID, ID);
    flags_across_call(NT);
}

static volatile int steps;

static void count_step(int signal)
{
    (void)signal;
    steps++;
}

/* Each instruction traps behind itself, the SYSCALL among them, always in user mode. */
static void a_system_call_can_be_stepped_over(void)
{
    long result = SYS_getppid;

    CHECK_OK(sigaction(SIGTRAP, &(struct sigaction){.sa_handler = count_step}, NULL));
    __asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop; syscall; nop\n"
                     "pushf; andl $~0x100, (%%rsp); popf"
                     : "+a"(result)
                     :
                     : "rcx", "r11", "cc", "memory");
    CHECK_EQ(result, getppid());
    CHECK(steps >= 5 && steps <= 7);
    CHECK_OK(sigaction(SIGTRAP, &(struct sigaction){.sa_handler = SIG_DFL}, NULL));
}

static void fault_with_flags(void *flags)
{
    __asm__ volatile("pushf; orq %0, (%%rsp); popf; movb $0, 0" : : "r"(*(uint64_t *)flags) : "cc");
}

static void flags_stay_across_a_fault(void)
{
    CHECK(dies_by(SIGSEGV, fault_with_flags, &(uint64_t){DF}));
    CHECK(dies_by(SIGSEGV, fault_with_flags, &(uint64_t){NT}));
    CHECK(dies_by(SIGSEGV, fault_with_flags, &(uint64_t){AC}));
    CHECK(dies_by(SIGSEGV, fault_with_flags, &(uint64_t){DF | NT | AC}));
}

/* Interrupts and instructions. */

/* A page of code. */
static void *code_make(const void *bytes, size_t len)
{
    void *page = memcpy(map_pages(1), bytes, len);

    CHECK_OK(mprotect(page, PAGE, PROT_READ | PROT_EXEC));
    return page;
}

static int signal_of_code(const void *bytes, size_t len)
{
    void *code = code_make(bytes, len);
    int status = in_child(call_code, code);

    unmap_pages(code, 1);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

/* Vectors 3 and 4 are for programs. The others belong to exceptions and devices. 0x80 is Linux's
   old system call, which Pagoda does not have. */
static void no_interrupt_number_is_harmful(void)
{
    for (int n = 0; n < 256; n++) {
        const uint8_t code[] = {0xcd, n, 0xc3};
        int signal = signal_of_code(code, sizeof(code));

        if (n == 3)
            CHECK_EQ(signal, SIGTRAP);
        else if (n != 0x80)
            CHECK_EQ(signal, SIGSEGV);
    }
}

#define CHECK_CODE(expected, ...)                                 \
    do {                                                          \
        const uint8_t code_[] = {__VA_ARGS__, 0xc3};              \
        CHECK_EQ(signal_of_code(code_, sizeof(code_)), expected); \
    } while (0)

static void an_undefined_instruction_kills(void)
{
    CHECK_CODE(SIGILL, 0x0f, 0x0b);       /* ud2 */
    CHECK_CODE(SIGILL, 0x0f, 0xff, 0xc0); /* ud0 */
    CHECK_CODE(SIGILL, 0x06);             /* push es: not in 64-bit mode */
    CHECK_CODE(SIGILL, 0x37);             /* aaa */
    CHECK_CODE(SIGILL, 0xf0, 0x90);       /* lock nop */
    CHECK_CODE(SIGILL, 0x0f, 0xa6, 0xff);
}

static void a_privileged_instruction_kills(void)
{
    CHECK_CODE(SIGSEGV, 0xf4);             /* hlt */
    CHECK_CODE(SIGSEGV, 0xfa);             /* cli */
    CHECK_CODE(SIGSEGV, 0xfb);             /* sti */
    CHECK_CODE(SIGSEGV, 0xe4, 0x64);       /* in 0x64, al */
    CHECK_CODE(SIGSEGV, 0x0f, 0x06);       /* clts */
    CHECK_CODE(SIGSEGV, 0x0f, 0x08);       /* invd */
    CHECK_CODE(SIGSEGV, 0x0f, 0x09);       /* wbinvd */
    CHECK_CODE(SIGSEGV, 0x0f, 0x30);       /* wrmsr */
    CHECK_CODE(SIGSEGV, 0x0f, 0x32);       /* rdmsr */
    CHECK_CODE(SIGSEGV, 0x0f, 0x20, 0xc0); /* mov rax, cr0 */
    CHECK_CODE(SIGSEGV, 0x0f, 0x22, 0xd8); /* mov cr3, rax */
    CHECK_CODE(SIGSEGV, 0x0f, 0x23, 0xf8); /* mov dr7, rax */
    CHECK_CODE(SIGSEGV, 0x0f, 0x01, 0x38); /* invlpg [rax] */
    CHECK_CODE(SIGSEGV, 0x0f, 0x01, 0xf0); /* lmsw ax */
    CHECK_CODE(SIGSEGV, 0x0f, 0x00, 0xd8); /* ltr ax */
    CHECK_CODE(SIGSEGV, 0x48, 0x0f, 0x07); /* sysretq */
}

/* SWAPGS and the segments. The kernel finds its own data by GS. */
static void the_kernels_segments_are_out_of_reach(void)
{
    CHECK_CODE(SIGSEGV, 0x0f, 0x01, 0xf8);                   /* swapgs */
    CHECK_CODE(SIGSEGV, 0xb8, 0x08, 0, 0, 0, 0x8e, 0xe8);    /* mov eax, 8; mov gs, eax */
    CHECK_CODE(SIGSEGV, 0xb8, 0xff, 0xff, 0, 0, 0x8e, 0xe8); /* a selector beyond the table */
    CHECK_CODE(0, 0x31, 0xc0, 0x8e, 0xe8, 0xb8, 39, 0, 0, 0, 0x0f, 0x05); /* gs = 0; getpid */
}

/* FS. */

static void a_base_that_is_not_canonical_is_refused(void)
{
    const uint64_t bases[] = {0x800000000000, 0x4141414141414141, 0xffff7fffffffffff,
                              0xffff800000000000, UINT64_MAX};

    for (size_t i = 0; i < ARRAY_SIZE(bases); i++)
        CHECK_ERR(EPERM, syscall(SYS_arch_prctl, 0x1002 /* ARCH_SET_FS */, bases[i]));
}

/* The end of user space. */

static const uint8_t getpid_at_end[] = {0xb8, 39, 0, 0, 0, 0x0f, 0x05}; /* mov eax, 39; syscall */

/* The address behind these SYSCALLs is unmapped or not canonical. SYSRET must not return to it. */
static void a_system_call_at_the_end_of_a_page_kills(void)
{
    char *pages = map_pages(2);

    unmap_pages(pages + PAGE, 1);
    memcpy(pages + PAGE - sizeof(getpid_at_end), getpid_at_end, sizeof(getpid_at_end));
    CHECK_OK(mprotect(pages, PAGE, PROT_READ | PROT_EXEC));
    CHECK(dies_by(SIGSEGV, call_code, pages + PAGE - sizeof(getpid_at_end)));
    unmap_pages(pages, 1);
}

static void the_last_page_cannot_be_mapped(void)
{
    for (uintptr_t page = 0x7ffffffff000; page >= 0x7ffffffff000 && page < 0x800000001000;
         page += PAGE)
        CHECK_ERR(ENOMEM, (long)mmap((void *)page, PAGE, PROT_READ | PROT_EXEC,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

/* The stack lies below the last page, whose last bytes can be made code. */
static void call_at_the_end(void *unused)
{
    char *last = (char *)0x7fffffffe000;

    (void)unused;
    CHECK_OK(mprotect(last, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
    memcpy(last + PAGE - sizeof(getpid_at_end), getpid_at_end, sizeof(getpid_at_end));
    call_code(last + PAGE - sizeof(getpid_at_end));
}

static void a_system_call_on_the_last_user_page_kills(void)
{
    CHECK(dies_by(SIGSEGV, call_at_the_end, NULL));
}

int main(void)
{
    RUN(a_broken_code_segment_kills_or_does_nothing);
    RUN(a_broken_stack_segment_kills_or_does_nothing);
    RUN(a_return_to_nowhere_kills);
    RUN(a_stack_that_does_not_exist_is_harmless);
    RUN(broken_flags_are_harmless);
    RUN(flags_that_give_power_are_not_taken);
    RUN(broken_floating_point_is_harmless);
    RUN(a_frame_that_does_not_exist_kills);
    RUN(frames_of_random_bytes_are_harmless);
    RUN(flags_stay_across_a_system_call);
    RUN(a_system_call_can_be_stepped_over);
    RUN(flags_stay_across_a_fault);
    RUN(no_interrupt_number_is_harmful);
    RUN(an_undefined_instruction_kills);
    RUN(a_privileged_instruction_kills);
    RUN(the_kernels_segments_are_out_of_reach);
    RUN(a_base_that_is_not_canonical_is_refused);
    RUN(a_system_call_at_the_end_of_a_page_kills);
    RUN(the_last_page_cannot_be_mapped);
    RUN_ON_PAGODA(a_system_call_on_the_last_user_page_kills);
    return test_end();
}
