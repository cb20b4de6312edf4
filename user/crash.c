/* crash [KIND]: does what a program may not do, so that the kernel ends it and says why. Without
   KIND, it lists the kinds. dmesg repeats what the kernel said. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/memory.h"
#include "lib/message.h"
#include "lib/pagoda.h"

enum { PAGE = 4096, WIDTH = 12 };

/* Access one byte. The compiler may not drop the access. */
static void byte_read(uintptr_t address)
{
    (void)*(volatile const char *)address; /* NOLINT: null is one of them */
}

static void byte_write(uintptr_t address)
{
    *(volatile char *)address = 1;
}

static void code_call(uintptr_t address)
{
    ((void (*)(void))address)(); /* NOLINT: null is one of them */
}

/* Returns a page of private memory with these rights. */
static uintptr_t page_map(int rights)
{
    void *page = mmap(NULL, PAGE, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page != MAP_FAILED)
        return (uintptr_t)page;
    complain_errno("mmap");
    exit(1);
}

/* ---- Addresses ---- */

static void read_null(void)
{
    byte_read(0);
}

static void call_null(void)
{
    code_call(0);
}

static void write_text(void)
{
    byte_write((uintptr_t)write_text);
}

static void run_data(void)
{
    static char code = (char)0xc3; /* ret */

    code_call((uintptr_t)&code);
}

static void read_heap_end(void)
{
    uintptr_t end = (uintptr_t)pagoda_sbrk(PAGE) + PAGE;

    byte_read(end + (uintptr_t)-end % PAGE + PAGE);
}

static void read_freed(void)
{
    uintptr_t page = page_map(PROT_READ);

    munmap((void *)page, PAGE);
    byte_read(page);
}

static void write_guard(void)
{
    byte_write(page_map(PROT_NONE));
}

/* Needs a page of the stack for each level. */
static int stack_fill(volatile char *caller, unsigned levels)
{
    volatile char here[PAGE];

    here[0] = *caller;
    return levels > 0 ? stack_fill(here, levels - 1) + here[0] : 0;
}

static void fill_stack(void)
{
    volatile char first = 0;

    stack_fill(&first, UINT_MAX);
}

static void read_kernel(void)
{
    byte_read(0xffffffff80200000);
}

static void read_noncanonical(void)
{
    byte_read(0x8000000000000000);
}

/* Reads a page of a file that has only the page before. */
static void read_past_file(void)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    char *start =
        size < 0 ? MAP_FAILED : mmap(NULL, size + 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);

    if (start == MAP_FAILED) {
        complain_errno("/proc/self/exe");
        exit(1);
    }
    byte_read((uintptr_t)start + size + PAGE);
}

/* ---- Instructions ---- */

static void halt(void)
{
    __asm__ volatile("hlt");
}

static void read_port(void)
{
    __asm__ volatile("inb $0x60, %%al" ::: "al");
}

static void interrupt(void)
{
    __asm__ volatile("int $0x20");
}

static void load_segment(void)
{
    __asm__ volatile("mov %0, %%ds" : : "r"(0xfff8));
}

static void undefined(void)
{
    __asm__ volatile("ud2");
}

static void divide(void)
{
    __asm__ volatile("xor %%edx, %%edx; xor %%eax, %%eax; div %%edx" ::: "eax", "edx");
}

/* By the x87 unit, because QEMU's emulation ignores the exceptions of SSE. */
static void divide_float(void)
{
    const uint16_t control = 0x37f & ~4; /* all exceptions masked but the division by zero */

    __asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" : : "m"(control));
}

static void breakpoint(void)
{
    __asm__ volatile("int3");
}

static void single_step(void)
{
    __asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop" ::: "memory");
}

/* ---- Signals ---- */

static void nothing(int signal)
{
    (void)signal;
}

/* A handler whose stack is a page that cannot be written. */
static void lose_handler_stack(void)
{
    stack_t stack = {.ss_sp = (void *)page_map(PROT_NONE), .ss_size = PAGE};
    struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_ONSTACK};

    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
}

/* ---- The program ---- */

static const struct kind {
    const char *name;
    void (*crash)(void);
    const char *what;
} kinds[] = {
    {"null", read_null, "reads through a null pointer"},
    {"call", call_null, "calls a null pointer"},
    {"text", write_text, "writes to its own code"},
    {"data", run_data, "runs data as code"},
    {"heap", read_heap_end, "reads above its heap"},
    {"freed", read_freed, "reads memory that it has given back"},
    {"guard", write_guard, "writes to a page without rights"},
    {"stack", fill_stack, "calls itself until its stack is full"},
    {"kernel", read_kernel, "reads the kernel's memory"},
    {"canonical", read_noncanonical, "reads an address that no page table can have"},
    {"file", read_past_file, "reads a mapped file beyond its end"},
    {"privileged", halt, "stops the CPU"},
    {"port", read_port, "reads the keyboard's port"},
    {"interrupt", interrupt, "raises an interrupt of the kernel"},
    {"segment", load_segment, "loads a segment that does not exist"},
    {"undefined", undefined, "runs what is no instruction"},
    {"divide", divide, "divides by 0"},
    {"float", divide_float, "divides by 0.0, and asked for an exception"},
    {"breakpoint", breakpoint, "meets a breakpoint"},
    {"step", single_step, "asks for a stop after each instruction"},
    {"handler", lose_handler_stack, "gives a signal handler a bad stack"},
    {"abort", abort, "gives up by itself"},
};

enum { NKINDS = sizeof(kinds) / sizeof(kinds[0]) };

static int kinds_list(void)
{
    puts("crash KIND: a program that");
    for (size_t i = 0; i < NKINDS; i++)
        printf("  %-*s%s\n", WIDTH, kinds[i].name, kinds[i].what);
    return finish(0);
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return kinds_list();
    if (argc > 2)
        usage("[KIND]");
    for (size_t i = 0; i < NKINDS; i++) {
        if (strcmp(argv[1], kinds[i].name) != 0)
            continue;
        kinds[i].crash();
        complain("%s: nothing happened", argv[1]);
        return 1;
    }
    complain("%s: no such kind (crash lists them)", argv[1]);
    return 2;
}
