/* Accesses that a program may not make. Each kills its process with the signal that Linux sends,
   and disturbs no other process: the parent sees the status, and a bystander survives. On Pagoda
   the kernel reports the access in one line, which is checked.

   Reads, writes and jumps meet every kind of forbidden place. */
#include "test.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>

enum { READ = 1, WRITE = 2, EXECUTE = 4, ALL = 7 };

/* What the error code says of the page. */
enum page { ABSENT, PRESENT, EITHER };

/* The kernel's reason within a region. The missing right follows it. */
#define NOT_ALLOWED "not allowed: region "

/* The kernel's reason where the CPU does not even look for a page. */
#define NO_PAGE_FAULT "general protection fault"

/* A place, and the report of an access to it. */
struct place {
    const char *name;
    void *address;
    enum page page;
    const char *reason; /* how the report ends, or how it begins: NO_PAGE_FAULT */
};

struct kind {
    int bit;
    const char *name;
    void (*access)(void *address);
    const char *right; /* that is missing where it is not allowed */
};

static const struct kind kinds[] = {
    {READ, "read", read_byte, "readable"},
    {WRITE, "write", write_byte, "writable"},
    {EXECUTE, "execute", call_code, "executable"},
};

static bool says(const char *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool says(const char *report, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return strstr(report, text);
}

/* Checks a report: "pid 7 name: page fault (user read, not present) addr 0x... rip 0x... rsp 0x...:
   reason --kill proc" */
static bool report_is_right(const char *report, const struct place *place, const struct kind *kind)
{
    bool is_present = says(report, "(user %s, protection) ", kind->name);
    bool is_absent = says(report, "(user %s, not present) ", kind->name);

    if (!says(report, " --kill proc") || !says(report, "bad_access: "))
        return false;
    if (strcmp(place->reason, NO_PAGE_FAULT) == 0)
        return says(report, ": %s (error 0) rip ", place->reason);
    if (place->page == EITHER ? !is_present && !is_absent
                              : !(place->page == PRESENT ? is_present : is_absent))
        return false;
    if (kind->bit == EXECUTE && !says(report, " rip 0x%016lx ", (uintptr_t)place->address))
        return false;
    if (strcmp(place->reason, NOT_ALLOWED) == 0 && !says(report, " is not %s --kill", kind->right))
        return false;
    return says(report, ": page fault (") &&
           says(report, " addr 0x%016lx rip ", (uintptr_t)place->address) &&
           says(report, ": %s", place->reason);
}

static void check_dies(const struct place *place, const struct kind *kind)
{
    pid_t pid = start_child(kind->access, place->address);

    if (!killed_by(wait_child(pid), SIGSEGV))
        test_fail(__FILE__, __LINE__, "to %s %s at %p is not what it should be", kind->name,
                  place->name, place->address);
    if (on_pagoda() && !report_is_right(kernel_message(pid), place, kind))
        test_fail(__FILE__, __LINE__, "to %s %s at %p is reported as \"%s\"", kind->name,
                  place->name, place->address, kernel_message(pid));
}

/* Each of these kinds of access kills. */
static void forbidden(int forbidden_kinds, const char *name, void *address, enum page page,
                      const char *reason)
{
    struct place place = {name, address, page, reason};

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (forbidden_kinds & kinds[i].bit)
            check_dies(&place, &kinds[i]);
    }
}

static void the_first_pages_are_forbidden(void)
{
    const char *reason = "not mapped: a null pointer --kill";

    forbidden(ALL, "null", NULL, ABSENT, reason);
    forbidden(ALL, "a field of null", (void *)8, ABSENT, reason);
    forbidden(ALL, "the first page", (void *)(PAGE - 1), ABSENT, reason);
    forbidden(ALL, "the first 64 KiB", (void *)(64 * KIB - 1), ABSENT, reason);
}

/* The addresses are Pagoda's. On Linux a program has nothing there either. */
static void the_kernels_half_is_forbidden(void)
{
    const char *reason = "not a user address --kill";

    forbidden(ALL, "the start of the direct map", (void *)0xffff800000000000, PRESENT, reason);
    forbidden(ALL, "the direct map", (void *)0xffff800000800000, PRESENT, reason);
    forbidden(ALL, "the direct map of the kernel's text", (void *)0xffff800000100000, PRESENT,
              reason);
    forbidden(ALL, "a hole in the kernel's half", (void *)0xffff888000100000, ABSENT, reason);
    forbidden(ALL, "the kernel's text", (void *)0xffffffff80100000, PRESENT, reason);
    forbidden(ALL, "the last byte", (void *)UINTPTR_MAX, ABSENT, reason);
}

/* Text, constants, data and the addresses behind them, wherever each begins. */
static void the_kernels_image_is_forbidden(void)
{
    for (uintptr_t at = 0xffffffff80100000; at < 0xffffffff80180000; at += 8 * PAGE)
        forbidden(ALL, "the kernel's image", (void *)at, EITHER, "not a user address --kill");
}

static void addresses_that_do_not_exist_are_forbidden(void)
{
    forbidden(ALL, "the first address that is not canonical", (void *)0x800000000000, ABSENT,
              NO_PAGE_FAULT);
    forbidden(ALL, "the last address that is not canonical", (void *)0xffff7fffffffffff, ABSENT,
              NO_PAGE_FAULT);
    forbidden(ALL, "an address made of letters", (void *)0x4141414141414141, ABSENT, NO_PAGE_FAULT);
}

static void the_end_of_the_users_half_is_forbidden(void)
{
    const char *reason = "not a user address --kill";

    forbidden(ALL, "the last page of the user's half", (void *)0x7ffffffff000, ABSENT, reason);
    forbidden(ALL, "the last byte of the user's half", (void *)0x7fffffffffff, ABSENT, reason);
}

static void memory_beyond_the_break_is_forbidden(void)
{
    char *end;

    CHECK_OK(pagoda_sbrk(PAGE));
    end = page_round_up(pagoda_sbrk(0));
    forbidden(ALL, "the page above the break", end, ABSENT, "not mapped: 0 bytes above the break");
    forbidden(ALL, "ten pages above the break", end + 10 * PAGE, ABSENT,
              "not mapped: 40960 bytes above the break");
    CHECK_OK(pagoda_sbrk(-(intptr_t)PAGE));
}

static void memory_below_the_stack_is_forbidden(void)
{
    const char *reason = "not mapped: below the stack limit, in the guard --kill";
    struct region stack;
    struct rlimit limit;

    CHECK(region_find(__builtin_frame_address(0), &stack));
    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    forbidden(ALL, "the guard below the stack", (char *)stack.end - limit.rlim_cur - 1, ABSENT,
              reason);
    forbidden(ALL, "16 pages into the guard", (char *)stack.end - limit.rlim_cur - 16 * PAGE,
              ABSENT, reason);
}

static void unmapped_and_protected_pages_are_forbidden(void)
{
    char *page = map_pages(1);

    forbidden(EXECUTE, "a promised page of data", page, ABSENT, NOT_ALLOWED);
    poke(page, 1);
    forbidden(EXECUTE, "a page of data", page, PRESENT, NOT_ALLOWED);
    CHECK_OK(mprotect(page, PAGE, PROT_READ));
    forbidden(WRITE | EXECUTE, "a page to read", page, PRESENT, NOT_ALLOWED);
    CHECK_OK(mprotect(page, PAGE, PROT_NONE));
    forbidden(ALL, "a protected page", page, ABSENT, NOT_ALLOWED);
    unmap_pages(page, 1);
    forbidden(ALL, "a page that is no more", page, ABSENT, "not mapped --kill");
}

static void the_page_after_a_region_is_forbidden(void)
{
    char *pages = map_pages(3);

    memset(pages, 1, 3 * PAGE);
    unmap_pages(pages + PAGE, 1);
    forbidden(ALL, "the page after a region", pages + PAGE, ABSENT, "not mapped --kill");
    forbidden(ALL, "the page before a region", pages + 2 * PAGE - 1, ABSENT, "not mapped --kill");
    unmap_pages(pages, 1);
    unmap_pages(pages + 2 * PAGE, 1);
}

/* The instruction `ret` in all kinds of memory. Its execution would do no harm. */
#define RET '\xc3'

static const char ret_in_rodata = RET;
static char ret_in_data = RET;
static char ret_in_bss;

static void data_is_not_executable(void)
{
    char ret_on_the_stack = RET;
    char *heap = CHECK_OK(pagoda_sbrk(PAGE));

    *heap = ret_in_bss = RET;
    forbidden(EXECUTE, "data", &ret_in_data, PRESENT, NOT_ALLOWED);
    forbidden(EXECUTE, "the bss", &ret_in_bss, PRESENT, NOT_ALLOWED);
    forbidden(EXECUTE, "the heap", heap, PRESENT, NOT_ALLOWED);
    forbidden(EXECUTE, "the stack", &ret_on_the_stack, PRESENT, NOT_ALLOWED);
    forbidden(EXECUTE, "constants", (void *)&ret_in_rodata, PRESENT, NOT_ALLOWED);
    CHECK_OK(pagoda_sbrk(-(intptr_t)PAGE));
}

static void text_and_constants_are_read_only(void)
{
    forbidden(WRITE, "text", (void *)(uintptr_t)data_is_not_executable, PRESENT, NOT_ALLOWED);
    forbidden(WRITE, "constants", (void *)&ret_in_rodata, PRESENT, NOT_ALLOWED);
    CHECK(exits_with(0, read_byte, (void *)(uintptr_t)data_is_not_executable));
    CHECK(exits_with(0, read_byte, (void *)&ret_in_rodata));
}

static void copy_across(void *page)
{
    memset((char *)page + PAGE - 8, 1, 16);
}

static void an_access_may_not_cross_the_end(void)
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

/* An unmasked division by zero in the x87, and the instruction that waits for it. */
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

static void an_instruction_that_traps_kills(void)
{
    CHECK(dies_by(SIGFPE, divide_by_zero, NULL));
    CHECK(dies_by(SIGFPE, floating_point_error, NULL));
    CHECK(dies_by(SIGILL, undefined_instruction, NULL));
    CHECK(dies_by(SIGTRAP, breakpoint, NULL));
    CHECK(dies_by(SIGTRAP, single_step, NULL));
    CHECK(dies_by(SIGSEGV, misaligned_vector, NULL));
}

static void an_instruction_of_the_kernel_kills(void)
{
    CHECK(dies_by(SIGSEGV, halt, NULL));
    CHECK(dies_by(SIGSEGV, disable_interrupts, NULL));
    CHECK(dies_by(SIGSEGV, write_to_a_port, NULL));
    CHECK(dies_by(SIGSEGV, read_page_table_root, NULL));
    CHECK(dies_by(SIGSEGV, call_kernel_gate, NULL));
}

static void a_stack_pointer_to_nowhere_kills(void)
{
    CHECK(dies_by(SIGSEGV, push_without_a_stack, (void *)8));
    CHECK(dies_by(SIGSEGV, push_without_a_stack, (void *)0xffff888000100000));
    /* The address is not canonical. The CPU raises #SS for it, Linux sends SIGBUS, and QEMU does
       neither. */
    CHECK(WIFSIGNALED(in_child(push_without_a_stack, (void *)0x4141414141414140)));
}

/* The bystander has memory of its own, which must be unchanged at the end. */
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
    RUN(the_first_pages_are_forbidden);
    RUN(the_kernels_half_is_forbidden);
    RUN(the_kernels_image_is_forbidden);
    RUN(addresses_that_do_not_exist_are_forbidden);
    RUN(the_end_of_the_users_half_is_forbidden);
    RUN(memory_beyond_the_break_is_forbidden);
    RUN(memory_below_the_stack_is_forbidden);
    RUN(unmapped_and_protected_pages_are_forbidden);
    RUN(the_page_after_a_region_is_forbidden);
    RUN(data_is_not_executable);
    RUN(text_and_constants_are_read_only);
    RUN(an_access_may_not_cross_the_end);
    RUN(an_instruction_that_traps_kills);
    RUN(an_instruction_of_the_kernel_kills);
    RUN(a_stack_pointer_to_nowhere_kills);
    bystand(page);
    CHECK(exited_with(release_child(&bystander), 0));
    return test_end();
}
