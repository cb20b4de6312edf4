/* /proc/PID/mem: the memory of a process as a file, beyond the rights of its mappings. */
#include "test.h"

#include <stdio.h>

#define RW (PROT_READ | PROT_WRITE)

static int open_mem(void)
{
    return CHECK_OK(open("/proc/self/mem", O_RDWR));
}

static int open_mem_of(pid_t pid, int flags)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/mem", pid);
    return open(path, flags);
}

static void check_write(int fd, const void *address, const char *text)
{
    CHECK_EQ(CHECK_OK(pwrite(fd, text, strlen(text), (off_t)address)), strlen(text));
}

static void check_read(int fd, const void *address, const char *expected)
{
    char text[64] = "";

    CHECK_EQ(CHECK_OK(pread(fd, text, strlen(expected), (off_t)address)), strlen(expected));
    CHECK(strcmp(text, expected) == 0);
}

static char *map_with_hole(void)
{
    char *pages = map_pages(3);

    unmap_pages(pages + 2 * PAGE, 1);
    return pages;
}

static void memory_is_read_and_written(void)
{
    char *pages = map_pages(2), bytes[8];
    int fd = open_mem();

    check_write(fd, pages, "hello");
    CHECK(strcmp(pages, "hello") == 0);
    strcpy(pages + PAGE - 3, "border");
    check_read(fd, pages + PAGE - 3, "border");
    check_write(fd, pages + PAGE - 2, "BORDER");
    CHECK(strcmp(pages + PAGE - 3, "bBORDER") == 0);
    CHECK_EQ(CHECK_OK(pread(fd, bytes, 0, 0)), 0);
    CHECK_OK(close(fd));
    unmap_pages(pages, 2);
}

static void an_address_without_memory_is_an_error(void)
{
    static char bytes[2 * PAGE];
    char *pages = map_with_hole();
    int fd = open_mem();

    CHECK_EQ(CHECK_OK(pread(fd, bytes, 2 * PAGE, (off_t)pages + PAGE)), PAGE);
    CHECK_EQ(CHECK_OK(pwrite(fd, bytes, 2 * PAGE, (off_t)pages + PAGE)), PAGE);
    CHECK_ERR(EIO, pread(fd, bytes, 1, (off_t)pages + 2 * PAGE));
    CHECK_ERR(EIO, pwrite(fd, bytes, 1, (off_t)pages + 2 * PAGE));
    CHECK_ERR(EIO, pread(fd, bytes, 1, 0));
    CHECK_ERR(EIO, pwrite(fd, bytes, 1, 0));
    CHECK_ERR(EIO, pread(fd, bytes, 1, 0x7ffffffff000));
    CHECK_ERR(EIO, pread(fd, bytes, 1, INT64_MAX));
    CHECK_ERR(EINVAL, pread(fd, bytes, 1, -1));
    CHECK_OK(close(fd));
    unmap_pages(pages, 2);
}

static void a_buffer_without_memory_is_an_error(void)
{
    char *pages = map_with_hole(), *from = map_pages(2);
    int fd = open_mem();

    CHECK_OK(lseek(fd, (off_t)from, SEEK_SET));
    CHECK_ERR(EFAULT, read(fd, pages + PAGE, 2 * PAGE));
    CHECK_ERR(EFAULT, write(fd, pages + PAGE, 2 * PAGE));
    CHECK_EQ(CHECK_OK(lseek(fd, 0, SEEK_CUR)), (off_t)from);
    CHECK_OK(close(fd));
    unmap_pages(pages, 2);
    unmap_pages(from, 2);
}

/* ---- Beyond the rights ---- */

static void what_the_program_may_not_write_is_written(void)
{
    char *pages = map_pages(3);
    int fd = open_mem();

    strcpy(pages, "page 0");
    CHECK_OK(mprotect(pages, 2 * PAGE, PROT_READ));
    check_write(fd, pages, "PAGE");
    check_write(fd, pages + PAGE, "new"); /* never touched before */
    CHECK(strcmp(pages, "PAGE 0") == 0);
    CHECK(strcmp(pages + PAGE, "new") == 0);
    CHECK(dies_by(SIGSEGV, write_byte, pages));
    CHECK(dies_by(SIGSEGV, write_byte, pages + PAGE));

    CHECK_OK(mprotect(pages, 3 * PAGE, PROT_NONE));
    check_read(fd, pages, "PAGE 0");
    check_write(fd, pages, "none");
    check_read(fd, pages, "none 0");
    CHECK(dies_by(SIGSEGV, read_byte, pages));
    CHECK_OK(mprotect(pages, 3 * PAGE, RW));
    CHECK(strcmp(pages, "none 0") == 0);
    CHECK(strcmp(pages + PAGE, "new") == 0);
    CHECK(is_zero(pages + 2 * PAGE, PAGE));
    poke(pages, 'x');
    CHECK_OK(close(fd));
    unmap_pages(pages, 3);
}

static void memory_that_nobody_may_touch_is_there(void)
{
    char *pages = CHECK_OK(mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    char byte = 1;
    int fd = open_mem();

    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, (off_t)pages)), 1);
    CHECK_EQ(byte, 0);
    check_write(fd, pages, "written");
    check_write(fd, pages + PAGE, "unread");
    CHECK(dies_by(SIGSEGV, read_byte, pages));
    CHECK_OK(mprotect(pages, 2 * PAGE, PROT_READ));
    CHECK(strcmp(pages, "written") == 0);
    CHECK(strcmp(pages + PAGE, "unread") == 0);
    CHECK_OK(close(fd));
    unmap_pages(pages, 2);
}

static const char constant[] = "a constant of the program";

static void constants_can_be_changed(void)
{
    const volatile char *byte = constant;
    int fd = open_mem();

    check_write(fd, constant, "A");
    CHECK_EQ(*byte, 'A');
    CHECK(dies_by(SIGSEGV, write_byte, (void *)constant));
    check_write(fd, constant, "a");
    CHECK_OK(close(fd));
}

/* Puts a breakpoint instruction into its own code. */
static void set_breakpoint(void *code)
{
    int fd = open_mem();

    check_write(fd, code, "\xcc");
    CHECK_OK(close(fd));
    call_code(code);
}

static void code_can_be_changed(void)
{
    void *code = (void *)(uintptr_t)do_nothing;

    CHECK(dies_by(SIGTRAP, set_breakpoint, code));
    do_nothing(NULL); /* that was the child's copy */
    CHECK(exits_with(0, call_code, code));
}

static void a_file_stays_as_it_is(void)
{
    int file = create_file("file", "contents", 8), fd = open_mem();
    char *page = CHECK_OK(mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, file, 0)), text[9] = "";

    check_read(fd, page, "contents");
    check_write(fd, page, "CON");
    CHECK(strcmp(page, "CONtents") == 0);
    CHECK_EQ(CHECK_OK(pread(file, text, 8, 0)), 8);
    CHECK(strcmp(text, "contents") == 0);
    CHECK_ERR(EIO, pread(fd, text, 1, (off_t)page + PAGE)); /* beyond the end */
    CHECK_ERR(EIO, pwrite(fd, text, 1, (off_t)page + PAGE));
    CHECK_OK(close(fd));
    CHECK_OK(close(file));
    unmap_pages(page, 2);
    CHECK_OK(unlink("file"));
}

static void check_old(void *page)
{
    CHECK(strcmp(page, "old") == 0);
}

static void a_fork_is_not_reached(void)
{
    char *page = strcpy(map_pages(1), "old");
    struct held_child child;
    int fd = open_mem();

    CHECK_OK(mprotect(page, PAGE, PROT_READ));
    hold_child(&child, check_old, page);
    check_write(fd, page, "new");
    CHECK(strcmp(page, "new") == 0);
    CHECK(exited_with(release_child(&child), 0));
    CHECK_OK(close(fd));
    unmap_pages(page, 1);
}

/* ---- Offsets ---- */

static void offsets_are_addresses(void)
{
    char *page = strcpy(map_pages(1), "abc"), byte;
    off_t start = (off_t)page;
    int fd = open_mem();

    CHECK_EQ(CHECK_OK(lseek(fd, start, SEEK_SET)), start);
    CHECK_EQ(CHECK_OK(read(fd, &byte, 1)), 1);
    CHECK_EQ(byte, 'a');
    CHECK_EQ(CHECK_OK(lseek(fd, 1, SEEK_CUR)), start + 2);
    CHECK_EQ(CHECK_OK(write(fd, "C", 1)), 1);
    CHECK_EQ(CHECK_OK(lseek(fd, -3, SEEK_CUR)), start);
    CHECK(strcmp(page, "abC") == 0);
    CHECK_ERR(EINVAL, lseek(fd, 0, SEEK_END));
    CHECK_ERR(EINVAL, lseek(fd, 0, SEEK_DATA));
    CHECK_EQ(CHECK_OK(lseek(fd, INT64_MIN, SEEK_SET)), INT64_MIN); /* an address of the kernel */
    CHECK_ERR(EIO, read(fd, &byte, 1));
    CHECK_ERR(EIO, write(fd, &byte, 1));
    CHECK_OK(close(fd));
    unmap_pages(page, 1);
}

static void it_is_opened_like_a_file(void)
{
    struct stat about;
    char *page = map_pages(1), byte;
    int fd = CHECK_OK(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));

    CHECK_OK(fstat(fd, &about));
    CHECK_EQ(about.st_mode, S_IFREG | 0600);
    CHECK_EQ(about.st_size, 0);
    CHECK_ERR(EBADF, pwrite(fd, page, 1, (off_t)page));
    CHECK_ERR(ENODEV, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
    CHECK_OK(close(fd));
    fd = CHECK_OK(open("/proc/self/mem", O_WRONLY | O_TRUNC | O_APPEND));
    CHECK_ERR(EBADF, pread(fd, &byte, 1, (off_t)page));
    check_write(fd, page, "appended");
    CHECK(strcmp(page, "appended") == 0);
    CHECK_OK(close(fd));
    unmap_pages(page, 1);
}

/* ---- Other processes ---- */

static void check_changed(void *page)
{
    CHECK(strcmp(page, "changed") == 0);
}

static void another_process_is_reached(void)
{
    char *page = strcpy(map_pages(1), "original");
    struct held_child child;

    hold_child(&child, check_changed, page);
    int fd = CHECK_OK(open_mem_of(child.pid, O_RDWR));
    check_read(fd, page, "original");
    CHECK_EQ(CHECK_OK(pwrite(fd, "changed", 8, (off_t)page)), 8);
    CHECK(strcmp(page, "original") == 0);
    CHECK(exited_with(release_child(&child), 0));
    CHECK_OK(close(fd));
    unmap_pages(page, 1);
}

static void a_process_that_has_ended_has_no_memory(void)
{
    char *page = map_pages(1), byte;
    siginfo_t info;
    pid_t pid = start_child(wait_for_ever, NULL);
    int fd = CHECK_OK(open_mem_of(pid, O_RDWR));

    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, (off_t)page)), 1);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, (off_t)page)), 0);
    CHECK_EQ(CHECK_OK(pwrite(fd, &byte, 1, (off_t)page)), 0);
    CHECK_ERR(ESRCH, open_mem_of(pid, O_RDONLY));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, (off_t)page)), 0);
    CHECK_ERR(ENOENT, open_mem_of(pid, O_RDONLY));
    CHECK_OK(close(fd));
    unmap_pages(page, 1);
}

static void exec_to_wait(void *output)
{
    CHECK_OK(dup2(*(int *)output, STDOUT_FILENO));
    CHECK_OK(execl(self_path(), "proc_mem", "wait", NULL));
}

static void a_new_program_is_not_reached(void)
{
    struct held_child child;
    char byte;
    int fds[2];

    make_pipe(fds);
    hold_child(&child, exec_to_wait, &fds[1]);
    int fd = CHECK_OK(open_mem_of(child.pid, O_RDONLY));
    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, (off_t)constant)), 1);
    gate_open(&child.released);
    CHECK_EQ(CHECK_OK(read(fds[0], &byte, 1)), 1);
    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, (off_t)constant)), 0);
    CHECK_OK(close(fd));
    fd = CHECK_OK(open_mem_of(child.pid, O_RDONLY));
    check_read(fd, constant, "a constant");
    CHECK_OK(close(fd));
    CHECK_OK(kill(child.pid, SIGKILL));
    CHECK(killed_by(release_child(&child), SIGKILL));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

#define MANY 200

static void fill_and_wait(void *gate)
{
    memset(map_pages(MANY), 1, MANY * PAGE);
    gate_open(gate);
    wait_for_ever(NULL);
}

static void an_open_file_keeps_no_memory(void)
{
    struct gate gate = gate_make();
    struct counters before = counters_now();
    pid_t pid = start_child(fill_and_wait, &gate);

    gate_pass(&gate);
    int fd = CHECK_OK(open_mem_of(pid, O_RDONLY));
    CHECK(counters_since(&before).anon_pages >= MANY);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    CHECK(counters_since(&before).anon_pages < MANY / 2);
    CHECK_OK(close(fd));
    gate_destroy(&gate);
}

/* The kernel makes the text of a file of /proc, so a size has no effect, as on Linux. */
static void a_file_of_proc_takes_any_size(void)
{
    const char *const paths[] = {"/proc/self/mem", "/proc/self/comm"};

    for (int n = 0; n < 2; n++) {
        int fd = CHECK_OK(open(paths[n], O_RDWR | O_TRUNC));
        CHECK_OK(ftruncate(fd, 0));
        CHECK_OK(ftruncate(fd, 100));
        CHECK_OK(truncate(paths[n], 0));
        CHECK_OK(close(fd));
    }
    int fd = CHECK_OK(open("/proc/self/comm", O_RDONLY));
    CHECK_ERR(EINVAL, ftruncate(fd, 0));
    CHECK_OK(close(fd));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        CHECK_OK(write(STDOUT_FILENO, "x", 1));
        wait_for_ever(NULL);
    }
    temp_dir_enter();
    RUN(memory_is_read_and_written);
    RUN(an_address_without_memory_is_an_error);
    RUN(a_buffer_without_memory_is_an_error);
    RUN(what_the_program_may_not_write_is_written);
    RUN(memory_that_nobody_may_touch_is_there);
    RUN(constants_can_be_changed);
    RUN(code_can_be_changed);
    RUN(a_file_stays_as_it_is);
    RUN(a_fork_is_not_reached);
    RUN(offsets_are_addresses);
    RUN(it_is_opened_like_a_file);
    RUN(another_process_is_reached);
    RUN(a_process_that_has_ended_has_no_memory);
    RUN(a_new_program_is_not_reached);
    RUN_ON_PAGODA(an_open_file_keeps_no_memory);
    temp_dir_leave();
    RUN(a_file_of_proc_takes_any_size);
    return test_end();
}
