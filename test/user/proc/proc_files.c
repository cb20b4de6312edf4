/* The folder /proc/PID: its files can be read in pieces, its links lead somewhere, and it vanishes
   with its process. The process may change or end during a read. */
#include "procfile.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/resource.h>

/* Checks that reads of an odd size give the same bytes as one read. */
static void is_same_in_pieces(const char *path)
{
    static char whole[8 * PAGE], pieces[8 * PAGE];
    int fd = CHECK_OK(open(path, O_RDONLY));

    memset(whole, 1, sizeof(whole)); /* or reading would change what smaps says */
    memset(pieces, 1, sizeof(pieces));
    size_t len = proc_read_all(fd, whole, sizeof(whole), PAGE);
    CHECK_OK(lseek(fd, 0, SEEK_SET));
    CHECK(len > 0);
    CHECK_EQ(proc_read_all(fd, pieces, sizeof(pieces), 7), len);
    CHECK(memcmp(whole, pieces, len) == 0);
    CHECK_EQ(CHECK_OK(pread(fd, pieces, 4, len / 2)), 4);
    CHECK(memcmp(whole + len / 2, pieces, 4) == 0);
    CHECK_OK(close(fd));
}

static void files_can_be_read_in_pieces(void)
{
    is_same_in_pieces("/proc/self/maps");
    is_same_in_pieces("/proc/self/cmdline");
    if (on_pagoda()) /* Linux makes the text as it is read, and the numbers change meanwhile */
        is_same_in_pieces("/proc/self/smaps");
}

static char **arguments;

/* cmdline */

static bool is_text_of(const char *path, const char *text, size_t len)
{
    char *found;

    return proc_text(path, &found) == len && memcmp(found, text, len) == 0;
}

static void cmdline_shows_the_arguments(void)
{
    char *text, *next;
    size_t len = proc_text("/proc/self/cmdline", &text);

    next = text;
    for (char **argument = arguments; *argument; argument++) {
        CHECK(strcmp(next, *argument) == 0);
        next += strlen(next) + 1;
    }
    CHECK_EQ(next - text, len);
}

/* The arguments are on the stack, where the program may change them. */
static void cmdline_follows_the_program(void)
{
    char first = arguments[0][0], *text;

    arguments[0][0] = '!';
    proc_text("/proc/self/cmdline", &text);
    CHECK_EQ(text[0], '!');
    arguments[0][0] = first;
}

static void gate_run_again(void *gate)
{
    char number[16];

    snprintf(number, sizeof(number), "%d", ((struct gate *)gate)->fds[1]);
    execve(self_path(), (char *[]){"two words", "tell-and-wait", number, "", NULL},
           (char *[]){"NAME=value", NULL});
}

static void cmdline_can_be_read_of_another_program(void)
{
    static const char expected[] = "two words\0tell-and-wait\0" /* the descriptor */;
    struct gate gate = gate_make();
    pid_t pid = start_child(gate_run_again, &gate);
    char path[64], *text;

    gate_pass(&gate);
    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    size_t len = proc_text(path, &text);
    CHECK(len > sizeof(expected));
    CHECK(memcmp(text, expected, sizeof(expected) - 1) == 0);
    CHECK_EQ(text[len - 1] | text[len - 2], 0); /* the empty one */
    snprintf(path, sizeof(path), "/proc/%d/environ", pid);
    CHECK(is_text_of(path, "NAME=value", sizeof("NAME=value")));
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    gate_destroy(&gate);
}

/* A zombie has a name and a state, but no memory. */
static void zombies_have_nothing(void)
{
    sigset_t child_signal, before;
    unsigned long field[STAT_FIELDS + 1];
    char path[64], state, *text;
    int base;

    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    CHECK_OK(sigprocmask(SIG_BLOCK, &child_signal, &before));
    pid_t pid = start_child(do_nothing, NULL);
    CHECK_EQ(CHECK_OK(sigwaitinfo(&child_signal, NULL)), SIGCHLD);

    base = snprintf(path, sizeof(path), "/proc/%d/", pid);
    strcpy(path + base, "stat");
    proc_stat_read(path, field, &state);
    CHECK_EQ(state, 'Z');
    CHECK_EQ(field[23], 0);
    strcpy(path + base, "status");
    CHECK_EQ(number_in(path, "Pid"), pid);
    CHECK_EQ(number_in(path, "VmSize"), -1);
    strcpy(path + base, "cmdline");
    CHECK_EQ(proc_text(path, &text), 0);
    strcpy(path + base, "maps");
    CHECK_EQ(proc_text(path, &text), 0);
    strcpy(path + base, "auxv");
    int fd = open(path, O_RDONLY); /* Linux fails here, Pagoda at the read */
    CHECK(fd < 0 ? errno == ESRCH : read(fd, path, 1) < 0 && errno == ESRCH);
    close(fd);
    strcpy(path + base, "exe");
    CHECK_ERR(ENOENT, readlink(path, (char[8]){0}, 8));
    CHECK(exited_with(wait_child(pid), 0));
    CHECK_OK(sigprocmask(SIG_SETMASK, &before, NULL));
}

static void gone_processes_are_not_read(void)
{
    static const char *const names[] = {"status", "stat", "statm", "cmdline", "comm", "limits"};
    struct held_child child;
    int fds[ARRAY_SIZE(names)];
    char path[64], byte;

    hold_child(&child, wait_for_ever, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(path, sizeof(path), "/proc/%d/%s", child.pid, names[i]);
        fds[i] = CHECK_OK(open(path, O_RDONLY));
    }
    CHECK_OK(kill(child.pid, SIGKILL));
    CHECK(killed_by(release_child(&child), SIGKILL));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        CHECK_ERR(ESRCH, read(fds[i], &byte, 1));
        CHECK_OK(close(fds[i]));
    }
}

/* comm */

/* Writes at once, unlike a stream. */
static void write_comm(const char *path, const char *name)
{
    int fd = CHECK_OK(open(path, O_WRONLY));

    CHECK_EQ(CHECK_OK(write(fd, name, strlen(name))), strlen(name));
    CHECK_OK(close(fd));
}

static void name_itself(void *unused)
{
    char path[32];
    int fd;

    (void)unused;
    write_comm("/proc/self/comm", "short");
    CHECK(is_text_of("/proc/self/comm", "short\n", 6));
    write_comm("/proc/self/comm", "longer than a name can be");
    CHECK(is_text_of("/proc/self/comm", "longer than a n\n", 16));
    write_comm("/proc/self/comm",
               "a name that is longer than what any file of /proc will take at once");
    CHECK(is_text_of("/proc/self/comm", "a name that is \n", 16));
    write_comm("/proc/self/comm", "a\\b\nc");
    CHECK(is_text_of("/proc/self/comm", "a\\b\nc\n", 6));
    char *status;
    proc_text("/proc/self/status", &status);
    CHECK(strncmp(status, "Name:\ta\\\\b\\nc\n", 14) == 0); /* escaped, so it is one line */
    snprintf(path, sizeof(path), "/proc/%d/comm", getppid());
    fd = CHECK_OK(open(path, O_WRONLY));
    CHECK_ERR(EINVAL, write(fd, "mine", 4)); /* of another process */
}

static void a_process_names_itself(void)
{
    CHECK(exits_with(0, name_itself, NULL));
}

/* auxv */

static void auxv_is_that_of_the_program(void)
{
    char *bytes;
    size_t len = proc_text("/proc/self/auxv", &bytes), seen = 0;
    unsigned long pair[2];

    CHECK(len > 0 && len % sizeof(pair) == 0);
    for (size_t at = 0; at < len; at += sizeof(pair)) {
        memcpy(pair, bytes + at, sizeof(pair));
        CHECK(pair[0] != AT_NULL || at == len - sizeof(pair)); /* is the last */
        if (pair[0] != AT_NULL)
            CHECK_EQ(pair[1], getauxval(pair[0]));
        seen |= pair[0] < 64 ? 1ul << pair[0] : 0;
    }
    CHECK(seen & 1ul << AT_PHDR && seen & 1ul << AT_RANDOM && seen & 1ul << AT_NULL);
}

static void check_auxv_in_child(void *unused)
{
    (void)unused;
    auxv_is_that_of_the_program();
}

static void auxv_is_inherited(void)
{
    CHECK(exits_with(0, check_auxv_in_child, NULL));
}

/* limits */

struct limit_line {
    const char *name, *unit;
    unsigned long soft, hard;
    bool is_found;
};

static unsigned long limit_value(const char *text)
{
    return strcmp(text, "unlimited") == 0 ? RLIM_INFINITY : strtoul(text, NULL, 10);
}

static void match_limit(const char *line, void *context)
{
    struct limit_line *limit = context;
    char soft[32], hard[32], unit[32] = "";

    CHECK_EQ(line[25], ' '); /* columns of fixed widths */
    if (strncmp(line, limit->name, strlen(limit->name)) != 0)
        return;
    CHECK(sscanf(line + 26, "%31s %31s %31s", soft, hard, unit) >= 2);
    limit->is_found = limit_value(soft) == limit->soft && limit_value(hard) == limit->hard &&
                      strcmp(unit, limit->unit) == 0;
}

static void check_limit(const char *name, int resource, const char *unit)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(resource, &limit));
    struct limit_line line = {name, unit, limit.rlim_cur, limit.rlim_max, false};
    proc_lines("/proc/self/limits", match_limit, &line);
    CHECK(line.is_found);
}

static void limits_are_those_of_getrlimit(void)
{
    static const char header[] =
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max cpu time ";
    char *text;

    proc_text("/proc/self/limits", &text);
    CHECK(strncmp(text, header, sizeof(header) - 1) == 0);
    check_limit("Max cpu time", RLIMIT_CPU, "seconds");
    check_limit("Max stack size", RLIMIT_STACK, "bytes");
    check_limit("Max open files", RLIMIT_NOFILE, "files");
    check_limit("Max address space", RLIMIT_AS, "bytes");
    check_limit("Max nice priority", RLIMIT_NICE, "");
    check_limit("Max realtime timeout", RLIMIT_RTTIME, "us");
}

/* Links */

static bool link_is(const char *path, const char *target)
{
    char found[512];
    ssize_t len = CHECK_OK(readlink(path, found, sizeof(found) - 1));

    found[len] = '\0';
    if (strcmp(found, target) != 0)
        note("%s is %s, not %s", path, found, target);
    return strcmp(found, target) == 0;
}

static void links_lead_to_program_and_directory(void)
{
    struct stat program, same;
    char directory[128];

    temp_dir_enter();
    CHECK(getcwd(directory, sizeof(directory)));
    CHECK(link_is("/proc/self/cwd", directory));
    CHECK_OK(stat(self_path(), &program));
    CHECK_OK(stat("/proc/self/exe", &same));
    CHECK_EQ(program.st_ino, same.st_ino);
    temp_dir_leave();
    CHECK(link_is("/proc/self/cwd", "/"));
}

static void descriptors_are_links(void)
{
    char directory[128], path[256], link[64];
    struct stat status;
    int fds[2];

    temp_dir_enter();
    CHECK(getcwd(directory, sizeof(directory)));
    int fd = create_file("file", "x", 1);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    snprintf(path, sizeof(path), "%s/file", directory);
    CHECK(link_is(link, path));
    CHECK_OK(unlink("file"));
    strcat(path, " (deleted)");
    CHECK(link_is(link, path));
    CHECK_OK(close(fd));
    CHECK_ERR(ENOENT, readlink(link, path, sizeof(path)));

    make_pipe(fds);
    CHECK_OK(fstat(fds[0], &status));
    snprintf(path, sizeof(path), "pipe:[%lu]", (unsigned long)status.st_ino);
    for (int i = 0; i < 2; i++) {
        snprintf(link, sizeof(link), "/proc/%d/fd/%d", getpid(), fds[i]);
        CHECK(link_is(link, path));
        CHECK_OK(close(fds[i]));
    }
    temp_dir_leave();
}

static void descriptors_are_listed(void)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;
    int count = 0, expected = 0;

    CHECK(directory);
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] != '.') {
            CHECK_OK(fcntl(atoi(entry->d_name), F_GETFD));
            count++;
        }
    }
    for (int fd = 0; fd < 1024; fd++)
        expected += fcntl(fd, F_GETFD) >= 0;
    CHECK_EQ(count, expected);
    closedir(directory);
}

/* A process that changes during a read. */

/* Reads a file to its end, whatever it says. The file may be gone; any other error fails the
   case. */
static void read_whatever_it_says(const char *path)
{
    char bytes[512];
    ssize_t len;
    int fd = open(path, O_RDONLY);

    if (fd < 0) {
        CHECK(errno == ENOENT || errno == ESRCH);
        return;
    }
    while ((len = read(fd, bytes, sizeof(bytes))) > 0)
        ;
    CHECK(len == 0 || errno == ESRCH);
    CHECK_OK(close(fd));
}

static void watch_until_it_ends(pid_t pid)
{
    static const char *const names[] = {"maps",    "smaps", "status", "stat",
                                        "cmdline", "statm", "environ"};
    int status;
    char path[64], target[512];

    while (CHECK_OK(waitpid(pid, &status, WNOHANG)) == 0) {
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
            snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
            read_whatever_it_says(path);
        }
        snprintf(path, sizeof(path), "/proc/%d/exe", pid);
        CHECK(readlink(path, target, sizeof(target)) > 0 || errno == ENOENT || errno == ESRCH);
        snprintf(path, sizeof(path), "/proc/%d/fd/0", pid);
        CHECK(readlink(path, target, sizeof(target)) > 0 || errno == ENOENT || errno == ESRCH);
    }
    CHECK(exited_with(status, 0));
}

/* Changes the memory of this process in many ways, and shares it with children. */
static void change_memory(void *unused)
{
    (void)unused;
    for (int i = 0; i < 40; i++) {
        char *pages = map_pages(64);
        memset(pages, 1, 64 * PAGE);
        CHECK_OK(mprotect(pages + 8 * PAGE, 8 * PAGE, PROT_READ));
        pid_t child = CHECK_OK(fork());
        if (child == 0)
            _exit(0);
        memset(pages, 2, 8 * PAGE);
        CHECK(exited_with(wait_child(child), 0));
        unmap_pages(pages, 64);
    }
}

static void memory_may_change_meanwhile(void)
{
    watch_until_it_ends(start_child(change_memory, NULL));
}

static void run_again(void *count)
{
    execv(self_path(), (char *[]){(char *)self_path(), "run-again", count, NULL});
}

static void programs_may_change_meanwhile(void)
{
    watch_until_it_ends(start_child(run_again, "20"));
}

static void read_own_status(void *expected_parent)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/%d/status", getpid());
    CHECK_EQ(number_in(path, "Pid"), getpid());
    CHECK_EQ(number_in("/proc/self/status", "Pid"), getpid()); /* "self" is who asks */
    CHECK_EQ(number_in(path, "PPid"), *(pid_t *)expected_parent);
}

static void each_process_has_its_own(void)
{
    pid_t pid = getpid();

    CHECK(exits_with(0, read_own_status, &pid));
}

static bool is_listed(pid_t pid)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    bool is_found = false;

    CHECK(proc);
    while ((entry = readdir(proc)))
        is_found |= atoi(entry->d_name) == pid;
    closedir(proc);
    return is_found;
}

static void processes_are_listed_while_they_live(void)
{
    struct held_child child;
    char path[32];

    hold_child(&child, wait_for_ever, NULL);
    snprintf(path, sizeof(path), "/proc/%d/maps", child.pid);
    CHECK(is_listed(getpid()));
    CHECK(is_listed(child.pid));
    CHECK_OK(access(path, R_OK));
    CHECK_OK(kill(child.pid, SIGKILL));
    CHECK(killed_by(release_child(&child), SIGKILL));
    CHECK(!is_listed(child.pid));
    CHECK_ERR(ENOENT, open(path, O_RDONLY));
    CHECK_ERR(ENOENT, open("/proc/missing", O_RDONLY));
}

/* What the program does when it runs itself. */
static void play(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "tell-and-wait") == 0) {
        const struct gate gate = {.fds = {-1, atoi(argv[2])}};
        gate_open(&gate);
        wait_for_ever(NULL);
    }
    if (argc > 2 && strcmp(argv[1], "run-again") == 0) {
        char left[16];
        snprintf(left, sizeof(left), "%d", atoi(argv[2]) - 1);
        if (atoi(argv[2]) > 0)
            run_again(left);
        exit(0);
    }
}

/* oom_score_adj */

#define SCORE_ADJ "/proc/self/oom_score_adj"

static int adjust_score(const char *text)
{
    int fd = CHECK_OK(open(SCORE_ADJ, O_WRONLY));
    int error = write(fd, text, strlen(text)) < 0 ? errno : 0;

    CHECK_OK(close(fd));
    return error;
}

static void check_score(void *text)
{
    CHECK(is_text_of(SCORE_ADJ, text, strlen(text)));
}

static void adjust_in_child(void *unused)
{
    (void)unused;
    CHECK_EQ(adjust_score("500\n"), 0);
    check_score("500\n");
    CHECK(exits_with(0, check_score, "500\n")); /* inherited */
    CHECK_EQ(adjust_score("1000"), 0);
    CHECK_EQ(adjust_score("1001"), EINVAL);
    CHECK_EQ(adjust_score("-1001"), EINVAL);
    CHECK_EQ(adjust_score("many"), EINVAL);
    CHECK_EQ(adjust_score("-"), EINVAL);
    check_score("1000\n");
}

static void the_score_for_lack_of_memory_is_adjusted(void)
{
    CHECK(exits_with(0, adjust_in_child, NULL));
}

int main(int argc, char **argv)
{
    arguments = argv;
    play(argc, argv);
    RUN(files_can_be_read_in_pieces);
    RUN(cmdline_shows_the_arguments);
    RUN(cmdline_follows_the_program);
    RUN(cmdline_can_be_read_of_another_program);
    RUN(a_process_names_itself);
    RUN(auxv_is_that_of_the_program);
    RUN(auxv_is_inherited);
    RUN(limits_are_those_of_getrlimit);
    RUN(the_score_for_lack_of_memory_is_adjusted);
    RUN(zombies_have_nothing);
    RUN(gone_processes_are_not_read);
    RUN(links_lead_to_program_and_directory);
    RUN(descriptors_are_links);
    RUN(descriptors_are_listed);
    RUN(memory_may_change_meanwhile);
    RUN(programs_may_change_meanwhile);
    RUN(each_process_has_its_own);
    RUN(processes_are_listed_while_they_live);
    return test_end();
}
