/* The stack on which a signal handler runs: the alternate one, and what happens without room. */
#include "handler.h"

#include <sys/syscall.h>

static char alternate[64 * 1024] __attribute__((aligned(16)));
static bool was_on_alternate, told_on_stack;

static bool is_on_alternate(const void *address)
{
    return (const char *)address >= alternate &&
           (const char *)address < alternate + sizeof(alternate);
}

static void note_stack(int signal)
{
    stack_t stack;

    handler_count(signal);
    was_on_alternate = is_on_alternate(__builtin_frame_address(0));
    CHECK_OK(sigaltstack(NULL, &stack));
    told_on_stack = stack.ss_flags & SS_ONSTACK;
    stack.ss_flags = 0;
    if (told_on_stack)
        CHECK_ERR(EPERM, sigaltstack(&stack, NULL));
}

static void use_alternate(void)
{
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};

    CHECK_OK(sigaltstack(&stack, NULL));
}

static void drop_alternate(void)
{
    CHECK_OK(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL));
}

static void a_handler_may_have_its_own_stack(void)
{
    stack_t stack;

    use_alternate();
    handler_set(SIGUSR1, note_stack, SA_ONSTACK);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK(was_on_alternate && told_on_stack);
    handler_set(SIGUSR1, note_stack, 0);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK(!was_on_alternate && !told_on_stack);
    CHECK_OK(sigaltstack(NULL, &stack));
    CHECK_EQ(stack.ss_sp, alternate);
    CHECK_EQ(stack.ss_size, sizeof(alternate));
    CHECK_EQ(stack.ss_flags, 0);
    drop_alternate();
    CHECK_OK(sigaltstack(NULL, &stack));
    CHECK_EQ(stack.ss_flags, SS_DISABLE);
}

static void sigaltstack_says_what_is_wrong(void)
{
    CHECK_ERR(ENOMEM, sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = 100}, NULL));
    CHECK_ERR(EINVAL,
              syscall(SYS_sigaltstack,
                      &(stack_t){.ss_sp = alternate, .ss_size = 8192, .ss_flags = 4}, NULL));
    CHECK_ERR(EFAULT, syscall(SYS_sigaltstack, (void *)8, NULL));
}

/* Goes down the stack until it ends. */
static void overflow_stack(void *unused)
{
    (void)unused;
    __asm__ volatile("1: push %rax; jmp 1b");
    __builtin_unreachable();
}

static void an_overflown_stack_can_be_handled(void)
{
    use_alternate();
    handler_set_info(SIGSEGV, handler_escape, SA_ONSTACK);
    if (sigsetjmp(after_fault, 1) == 0)
        overflow_stack(NULL);
    CHECK_EQ(handler_calls, 1);
    handler_set(SIGSEGV, SIG_DFL, 0);
    drop_alternate();
}

static void overflow_with_handler(void *unused)
{
    (void)unused;
    handler_set_info(SIGSEGV, handler_escape, 0); /* on the stack that has no room left */
    overflow_stack(NULL);
}

static void no_place_for_a_frame_kills(void)
{
    CHECK(dies_by(SIGSEGV, overflow_with_handler, NULL));
}

/* The stack that is left is longer than a red zone and shorter than a page. The page of the frame
   comes by a fault. */
static void raise_on_fresh_stack(void *stack)
{
    stack_t alternate_stack = {.ss_sp = stack, .ss_size = 16 * PAGE};

    CHECK_OK(sigaltstack(&alternate_stack, NULL));
    handler_set(SIGUSR1, handler_count, SA_ONSTACK);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(handler_calls, 1);
}

static void a_frame_arrives_by_page_fault(void)
{
    char *stack = map_pages(16);

    CHECK(exits_with(0, raise_on_fresh_stack, stack));
    unmap_pages(stack, 16);
}

static void handle_without_restorer(void *unused)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } action = {handler_count, 0, NULL, 0};

    (void)unused;
    CHECK_OK(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8));
    CHECK_OK(kill(getpid(), SIGUSR1));
}

static void handle_in_the_kernel(void *unused)
{
    (void)unused;
    handler_set(SIGUSR1, (void (*)(int))0xffffffff80100000, 0);
    CHECK_OK(kill(getpid(), SIGUSR1));
}

static void handle_nowhere(void *unused)
{
    (void)unused;
    handler_set(SIGUSR1, (void (*)(int))0x4141414141414141, 0);
    CHECK_OK(kill(getpid(), SIGUSR1));
}

static void handlers_that_cannot_be_called_kill(void)
{
    CHECK(dies_by(SIGSEGV, handle_without_restorer, NULL));
    CHECK(dies_by(SIGSEGV, handle_in_the_kernel, NULL));
    CHECK(dies_by(SIGSEGV, handle_nowhere, NULL));
}

static void fault_in_handler(int signal)
{
    (void)signal;
    read_byte(NULL);
}

static void fault_twice(void *unused)
{
    (void)unused;
    handler_set(SIGSEGV, fault_in_handler, 0);
    read_byte(NULL);
}

static void a_fault_in_its_own_handler_kills(void)
{
    CHECK(dies_by(SIGSEGV, fault_twice, NULL));
}

int main(void)
{
    RUN(a_handler_may_have_its_own_stack);
    RUN(sigaltstack_says_what_is_wrong);
    RUN(an_overflown_stack_can_be_handled);
    RUN(no_place_for_a_frame_kills);
    RUN(a_frame_arrives_by_page_fault);
    RUN(handlers_that_cannot_be_called_kill);
    RUN(a_fault_in_its_own_handler_kills);
    return test_end();
}
