/* Accesses that a program may not make. Each ends the process that made it, with the signal that
   Linux sends, and disturbs nobody else: the parent sees the status, and a bystander lives through
   it all.

   Three ways to go wrong (read, write, execute) meet all kinds of places where nothing may be read,
   written or executed. */
#include "test.h"

#include <sys/resource.h>

enum { READ = 1, WRITE = 2, EXECUTE = 4, ALL = 7 };

static void check_dies(const char *place, const char *what, void (*access)(void *), void *address)
{
    if (!dies_by(SIGSEGV, access, address))
        test_fail(__FILE__, __LINE__, "to %s %s at %p is not what it should be", what, place,
                  address);
}

/* Each of these kinds of access kills. */
static void forbidden(int kinds, const char *place, void *address)
{
    if (kinds & READ)
        check_dies(place, "read", read_byte, address);
    if (kinds & WRITE)
        check_dies(place, "write", write_byte, address);
    if (kinds & EXECUTE)
        check_dies(place, "execute", call_code, address);
}

static void the_first_pages(void)
{
    forbidden(ALL, "null", NULL);
    forbidden(ALL, "a field of null", (void *)8);
    forbidden(ALL, "the first page", (void *)(PAGE - 1));
    forbidden(ALL, "the first 64 KiB", (void *)(64 * KIB - 1));
}

/* As xk's lab has it: 40 children, each reading in the kernel's half. */
static void forty_reads_of_the_kernel(void)
{
    for (uintptr_t i = 0; i < 40; i++)
        forbidden(READ, "the kernel's half", (void *)(0xffff800000000000 + i * 50000));
}

static void the_kernels_half(void)
{
    forbidden(ALL, "the start of the kernel's half", (void *)0xffff800000000000);
    forbidden(ALL, "the kernel's memory", (void *)0xffff888000100000);
    forbidden(ALL, "the kernel's text", (void *)0xffffffff80100000);
    forbidden(ALL, "the last byte", (void *)UINTPTR_MAX);
}

static void addresses_that_do_not_exist(void)
{
    forbidden(ALL, "the first address that is not canonical", (void *)0x800000000000);
    forbidden(ALL, "the last address that is not canonical", (void *)0xffff7fffffffffff);
    forbidden(ALL, "an address made of letters", (void *)0x4141414141414141);
}

static void the_end_of_the_users_half(void)
{
    forbidden(ALL, "the last page of the user's half", (void *)0x7ffffffff000);
    forbidden(ALL, "the last byte of the user's half", (void *)0x7fffffffffff);
}

static void beyond_the_break(void)
{
    char *end;

    CHECK_OK(pagoda_sbrk(PAGE));
    end = page_round_up(pagoda_sbrk(0));
    forbidden(ALL, "the page above the break", end);
    forbidden(ALL, "ten pages above the break", end + 10 * PAGE);
    CHECK_OK(pagoda_sbrk(-(intptr_t)PAGE));
}

static void below_the_stack(void)
{
    struct region stack;
    struct rlimit limit;

    CHECK(region_find(__builtin_frame_address(0), &stack));
    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    forbidden(ALL, "the guard below the stack", (char *)stack.end - limit.rlim_cur - 1);
    forbidden(ALL, "below the guard", (char *)stack.end - limit.rlim_cur - 16 * PAGE);
}

static void unmapped_and_protected_pages(void)
{
    char *page = map_pages(1);

    forbidden(EXECUTE, "a page of data", page);
    CHECK_OK(mprotect(page, PAGE, PROT_READ));
    forbidden(WRITE | EXECUTE, "a page to read", page);
    CHECK_OK(mprotect(page, PAGE, PROT_NONE));
    forbidden(ALL, "a protected page", page);
    unmap_pages(page, 1);
    forbidden(ALL, "a page that is no more", page);
}

/* The instruction `ret`, in all kinds of memory: to execute it would do no harm. */
#define RET '\xc3'

static const char ret_in_rodata = RET;
static char ret_in_data = RET;
static char ret_in_bss;

static void data_is_not_executable(void)
{
    char ret_on_the_stack = RET;
    char *heap = CHECK_OK(pagoda_sbrk(PAGE));

    *heap = ret_in_bss = RET;
    forbidden(EXECUTE, "data", &ret_in_data);
    forbidden(EXECUTE, "the bss", &ret_in_bss);
    forbidden(EXECUTE, "the heap", heap);
    forbidden(EXECUTE, "the stack", &ret_on_the_stack);
    forbidden(EXECUTE, "constants", (void *)&ret_in_rodata);
    CHECK_OK(pagoda_sbrk(-(intptr_t)PAGE));
}

static void text_and_constants_are_read_only(void)
{
    forbidden(WRITE, "text", (void *)(uintptr_t)data_is_not_executable);
    forbidden(WRITE, "constants", (void *)&ret_in_rodata);
    CHECK(exits_with(0, read_byte, (void *)(uintptr_t)data_is_not_executable));
    CHECK(exits_with(0, read_byte, (void *)&ret_in_rodata));
}

static void copy_across(void *page)
{
    memset((char *)page + PAGE - 8, 1, 16);
}

static void an_access_that_crosses_the_end(void)
{
    char *pages = map_pages(2);

    unmap_pages(pages + PAGE, 1);
    CHECK(dies_by(SIGSEGV, copy_across, pages));
    unmap_pages(pages, 1);
}

/* Instructions. */

static void divide_by_zero(void *unused)
{
    (void)unused;
    __asm__ volatile("div %0" ::"r"(0) : "rax", "rdx");
}

static void undefined_instruction(void *unused)
{
    (void)unused;
    __asm__ volatile("ud2");
}

static void breakpoint(void *unused)
{
    (void)unused;
    __asm__ volatile("int3");
}

static void single_step(void *unused)
{
    (void)unused;
    __asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop" ::: "cc", "memory");
}

static void halt(void *unused)
{
    (void)unused;
    __asm__ volatile("hlt");
}

static void disable_interrupts(void *unused)
{
    (void)unused;
    __asm__ volatile("cli");
}

static void write_to_a_port(void *unused)
{
    (void)unused;
    __asm__ volatile("outb %%al, $0x80" ::"a"(0));
}

static void read_page_table_root(void *unused)
{
    uint64_t root;

    (void)unused;
    __asm__ volatile("mov %%cr3, %0" : "=r"(root));
}

static void call_kernel_gate(void *unused)
{
    (void)unused;
    __asm__ volatile("int $14");
}

static void misaligned_vector(void *unused)
{
    char bytes[64] __attribute__((aligned(16)));

    (void)unused;
    __asm__ volatile("movaps %%xmm0, (%0)" ::"r"(bytes + 1) : "memory");
}

/* The x87's own division by zero, unmasked, and the instruction that waits for it. */
static void floating_point_error(void *unused)
{
    uint16_t control = 0x37f & ~4;

    (void)unused;
    __asm__ volatile("fldcw %0; fld1; fldz; fdivrp; fwait" ::"m"(control));
}

static void push_without_a_stack(void *stack)
{
    __asm__ volatile("mov %0, %%rsp; push %%rax" ::"r"(stack));
    __builtin_unreachable();
}

static void instructions_that_trap(void)
{
    CHECK(dies_by(SIGFPE, divide_by_zero, NULL));
    CHECK(dies_by(SIGFPE, floating_point_error, NULL));
    CHECK(dies_by(SIGILL, undefined_instruction, NULL));
    CHECK(dies_by(SIGTRAP, breakpoint, NULL));
    CHECK(dies_by(SIGTRAP, single_step, NULL));
    CHECK(dies_by(SIGSEGV, misaligned_vector, NULL));
}

static void instructions_of_the_kernel(void)
{
    CHECK(dies_by(SIGSEGV, halt, NULL));
    CHECK(dies_by(SIGSEGV, disable_interrupts, NULL));
    CHECK(dies_by(SIGSEGV, write_to_a_port, NULL));
    CHECK(dies_by(SIGSEGV, read_page_table_root, NULL));
    CHECK(dies_by(SIGSEGV, call_kernel_gate, NULL));
}

static void stack_pointers_that_point_nowhere(void)
{
    CHECK(dies_by(SIGSEGV, push_without_a_stack, (void *)8));
    CHECK(dies_by(SIGSEGV, push_without_a_stack, (void *)0xffff888000100000));
    /* Not canonical: the CPU has an exception of its own for this, and Linux SIGBUS; QEMU has
       neither. */
    CHECK(WIFSIGNALED(in_child(push_without_a_stack, (void *)0x4141414141414140)));
}

/* The bystander has memory of its own, which must be as it was at the end. */
static void bystand(void *page)
{
    for (size_t i = 0; i < PAGE; i++)
        CHECK_EQ(((char *)page)[i], 'b');
}

int main(void)
{
    struct held_child bystander;
    char *page = map_pages(1);

    memset(page, 'b', PAGE);
    hold_child(&bystander, bystand, page);
    RUN(the_first_pages);
    RUN(forty_reads_of_the_kernel);
    RUN(the_kernels_half);
    RUN(addresses_that_do_not_exist);
    RUN(the_end_of_the_users_half);
    RUN(beyond_the_break);
    RUN(below_the_stack);
    RUN(unmapped_and_protected_pages);
    RUN(data_is_not_executable);
    RUN(text_and_constants_are_read_only);
    RUN(an_access_that_crosses_the_end);
    RUN(instructions_that_trap);
    RUN(instructions_of_the_kernel);
    RUN(stack_pointers_that_point_nowhere);
    bystand(page);
    CHECK(exited_with(release_child(&bystander), 0));
    return TEST_PASSED;
}
