/* execve of files that cannot be executed: exec fails and changes nothing, or the process is killed
   because its old memory is gone. */
#include "test.h"

#include <elf.h>
#include <sys/auxv.h>

/* Makes an executable file of the first `len` bytes of this program. */
static void copy_program(const char *name, size_t len)
{
    char bytes[4 * PAGE];
    int from = CHECK_OK(open(self_path(), O_RDONLY));
    int to = CHECK_OK(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755));
    ssize_t got;

    while (len > 0 && (got = CHECK_OK(read(from, bytes, sizeof(bytes)))) > 0) {
        if ((size_t)got > len)
            got = len;
        CHECK_EQ(CHECK_OK(write(to, bytes, got)), got);
        len -= got;
    }
    CHECK_OK(close(from));
    CHECK_OK(close(to));
}

static void write_at(const char *name, off_t offset, const void *bytes, size_t len)
{
    int fd = CHECK_OK(open(name, O_WRONLY));

    CHECK_EQ(CHECK_OK(pwrite(fd, bytes, len, offset)), len);
    CHECK_OK(close(fd));
}

static char *const victim_arguments[] = {"victim", "come to life", NULL};

static void exec_fails(int error, const char *path)
{
    check_error(__FILE__, __LINE__, path, execv(path, victim_arguments), strerror(error), error);
}

static void some_paths_cannot_be_executed(void)
{
    CHECK_OK(close(create_file("plain", "text", 4)));
    exec_fails(ENOENT, "missing");
    exec_fails(ENOENT, "");
    exec_fails(ENOTDIR, "plain/missing");
    exec_fails(EACCES, "/");
    exec_fails(EACCES, "plain");
    CHECK_OK(unlink("plain"));
}

static void files_that_are_no_programs_are_refused(void)
{
    static const size_t lengths[] = {0, 1, 4, 20, 63, 64, 100};

    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        copy_program("victim", lengths[i]);
        exec_fails(ENOEXEC, "victim");
    }
    write_at("victim", 0, "garbage, and not a little of it", 31);
    exec_fails(ENOEXEC, "victim");
    CHECK_OK(unlink("victim"));
}

struct damage {
    size_t offset; /* in bytes; of the field */
    size_t len;    /* of the field */
    uint64_t value;
};

#define DAMAGE(type, field, value)                                  \
    {                                                               \
        offsetof(type, field), sizeof(((type *)NULL)->field), value \
    }

static void headers_for_other_machines_are_refused(void)
{
    static const struct damage damages[] = {
        DAMAGE(Elf64_Ehdr, e_ident[1], 'e'),
        DAMAGE(Elf64_Ehdr, e_type, ET_REL),
        DAMAGE(Elf64_Ehdr, e_machine, EM_AARCH64),
        DAMAGE(Elf64_Ehdr, e_phentsize, 55),
        DAMAGE(Elf64_Ehdr, e_phnum, 0),
        DAMAGE(Elf64_Ehdr, e_phnum, 0xffff),
        DAMAGE(Elf64_Ehdr, e_phoff, 1UL << 40),
        DAMAGE(Elf64_Ehdr, e_phoff, -1UL << 20),
    };

    for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
        copy_program("victim", 4 * PAGE);
        write_at("victim", damages[i].offset, &damages[i].value, damages[i].len);
        exec_fails(ENOEXEC, "victim");
    }
    CHECK_OK(unlink("victim"));
}

/* Returns the offset, in the file, of the header of the text segment. */
static size_t text_header_offset(void)
{
    const Elf64_Phdr *headers = (const Elf64_Phdr *)getauxval(AT_PHDR);
    int i = 0;

    while (headers[i].p_type != PT_LOAD || !(headers[i].p_flags & PF_X))
        i++;
    return sizeof(Elf64_Ehdr) + i * sizeof(Elf64_Phdr);
}

static void exec_victim(void *unused)
{
    (void)unused;
    execv("victim", victim_arguments);
    _exit(errno == ENOEXEC || errno == EINVAL || errno == ENOMEM ? 98 : TEST_FAILED);
}

/* Returns true if the program does not run. The kernel may return an error, or kill the process
   when the error is found too late. */
static bool victim_stays_dead(void)
{
    int status = in_child(exec_victim, NULL);

    return WIFSIGNALED(status) || exited_with(status, 98);
}

static void segments_that_cannot_be_loaded_are_not_run(void)
{
    static const struct damage damages[] = {
        DAMAGE(Elf64_Phdr, p_vaddr, 0xffff800000001000),
        DAMAGE(Elf64_Phdr, p_vaddr, -PAGE),
        DAMAGE(Elf64_Phdr, p_vaddr, 0x7ffffffff000),
        DAMAGE(Elf64_Phdr, p_vaddr, 0x401001),
        DAMAGE(Elf64_Phdr, p_memsz, 1),
        DAMAGE(Elf64_Phdr, p_memsz, 1UL << 47),
        DAMAGE(Elf64_Phdr, p_memsz, -1UL),
        DAMAGE(Elf64_Phdr, p_filesz, -1UL),
        DAMAGE(Elf64_Phdr, p_offset, 1UL << 40),
        DAMAGE(Elf64_Phdr, p_offset, -PAGE),
        DAMAGE(Elf64_Phdr, p_type, PT_NULL),
        DAMAGE(Elf64_Phdr, p_flags, PF_R | PF_W),
    };
    size_t header = text_header_offset();

    for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
        copy_program("victim", SIZE_MAX);
        write_at("victim", header + damages[i].offset, &damages[i].value, damages[i].len);
        if (!victim_stays_dead())
            test_fail(__FILE__, __LINE__, "with damage number %zu it was executed", i);
    }
    CHECK_OK(unlink("victim"));
}

static void a_file_without_its_text_is_not_run(void)
{
    copy_program("victim", PAGE);
    CHECK(victim_stays_dead());
    CHECK_OK(unlink("victim"));
}

static void a_failed_exec_changes_nothing(void)
{
    int fd = CHECK_OK(open("/dev/null", O_RDONLY | O_CLOEXEC));
    char *page = strcpy(map_pages(1), "still here");
    int pid = getpid();

    copy_program("victim", 100);
    exec_fails(ENOENT, "missing");
    exec_fails(ENOEXEC, "victim");
    CHECK(strcmp(page, "still here") == 0);
    CHECK_EQ(getpid(), pid);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("victim"));
    unmap_pages(page, 1);
}

/* Returns the offset, in the file, of the header that speaks of the stack. */
static size_t stack_header_offset(void)
{
    const Elf64_Phdr *headers = (const Elf64_Phdr *)getauxval(AT_PHDR);
    int i = 0;

    while (headers[i].p_type != PT_GNU_STACK)
        i++;
    return sizeof(Elf64_Ehdr) + i * sizeof(Elf64_Phdr);
}

/* What the victim does with two arguments: calls code on its stack, and in data. Returns 7 if the
   stack can be executed. */
static int call_the_stack(void)
{
    static char data[] = {'\xc3'}; /* ret */
    char code[] = {'\xc3'};

    if (!dies_by(SIGSEGV, call_code, data))
        return TEST_FAILED;
    return killed_by(in_child(call_code, code), SIGSEGV) ? 8 : 7;
}

static void exec_to_call(void *unused)
{
    (void)unused;
    execv("victim", (char *[]){"victim", "calls", "its stack", NULL});
}

static void a_stack_is_executable_if_the_program_asks_for_it(void)
{
    static const struct {
        struct damage damage;
        int status;
    } cases[] = {
        {DAMAGE(Elf64_Phdr, p_flags, PF_R | PF_W), 8},
        {DAMAGE(Elf64_Phdr, p_flags, PF_R | PF_W | PF_X), 7},
        {DAMAGE(Elf64_Phdr, p_type, PT_NULL), 8}, /* it does not say */
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct damage *damage = &cases[i].damage;

        copy_program("victim", SIZE_MAX);
        write_at("victim", stack_header_offset() + damage->offset, &damage->value, damage->len);
        CHECK(exits_with(cases[i].status, exec_to_call, NULL));
    }
    CHECK_OK(unlink("victim"));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 2)
        return call_the_stack();
    if (argc > 1)
        return 99; /* no damaged program comes to life */
    temp_dir_enter();
    RUN(some_paths_cannot_be_executed);
    RUN(files_that_are_no_programs_are_refused);
    RUN(headers_for_other_machines_are_refused);
    RUN(segments_that_cannot_be_loaded_are_not_run);
    RUN(a_file_without_its_text_is_not_run);
    RUN(a_failed_exec_changes_nothing);
    RUN(a_stack_is_executable_if_the_program_asks_for_it);
    temp_dir_leave();
    return test_end();
}
