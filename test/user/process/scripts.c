/* Scripts: text files that execve runs by the program that their first line names.

   The interpreter is this program. With arguments, it prints them, and the cases compare. */
#include "test.h"

#include <stdio.h>
#include <sys/auxv.h>

/* The path of this program, which AT_EXECFN does not tell the interpreter of a script. */
static char program[256];

/* ---- The interpreter ---- */

/* Prints "[self][ARGUMENT]...". Slashes before the path of this program do not count. */
static void print_arguments(int argc, char **argv)
{
    const char *name = argv[0];

    while (strncmp(name, "//", 2) == 0)
        name++;
    dprintf(STDOUT_FILENO, "[%s]", strcmp(name, program) == 0 ? "self" : name);
    for (int i = 1; i < argc; i++)
        dprintf(STDOUT_FILENO, "[%s]", argv[i]);
}

static void print_line(const char *line, void *unused)
{
    (void)unused;
    dprintf(STDOUT_FILENO, "%s ", line);
}

/* Prints the names that exec has given to the process. */
static void print_names(void)
{
    each_line("/proc/self/comm", print_line, NULL);
    dprintf(STDOUT_FILENO, "%s", (const char *)getauxval(AT_EXECFN));
}

/* ---- The cases ---- */

static void make_script_of(const char *name, const char *bytes, size_t len)
{
    int fd = CHECK_OK(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755));

    CHECK_EQ(CHECK_OK(write(fd, bytes, len)), len);
    CHECK_OK(close(fd));
}

/* Makes a script of a line in which @ stands for the path of this program. */
static void make_script(const char *name, const char *line)
{
    char text[1024];
    const char *at = strchr(line, '@');
    int len = at ? snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - line), line, program, at + 1)
                 : snprintf(text, sizeof(text), "%s", line);

    CHECK(len < (int)sizeof(text));
    make_script_of(name, text, len);
}

struct run {
    const char *path;
    char **argv;
    int output;
};

static char *const arguments[] = {"zero", "one", NULL};

static void exec_into(void *arg)
{
    const struct run *run = arg;

    CHECK_OK(dup2(run->output, STDOUT_FILENO));
    CHECK_OK(execv(run->path, run->argv));
}

/* Runs a program in a child, and compares what it prints. */
static void check_prints(const char *path, char *const *argv, const char *expected)
{
    char output[2048];
    size_t len = 0;
    ssize_t got;
    int fds[2];

    make_pipe(fds);
    pid_t pid = start_child(exec_into, &(struct run){path, (char **)argv, fds[1]});
    CHECK_OK(close(fds[1]));
    while ((got = CHECK_OK(read(fds[0], output + len, sizeof(output) - 1 - len))) > 0)
        len += got;
    output[len] = '\0';
    CHECK(exited_with(wait_child(pid), 0));
    if (strcmp(output, expected) != 0)
        test_fail(__FILE__, __LINE__, "%s printed %s and not %s", path, output, expected);
    CHECK_OK(close(fds[0]));
}

static void check_script(const char *line, const char *expected)
{
    make_script("script", line);
    check_prints("./script", arguments, expected);
}

static void check_refused(int error, const char *line)
{
    make_script("script", line);
    check_error(__FILE__, __LINE__, line, execv("./script", arguments), strerror(error), error);
}

static void a_script_is_run_by_its_interpreter(void)
{
    check_script("#!@\n", "[self][./script][one]");
    check_script("#!@\nmore\nlines", "[self][./script][one]");
    check_script("#! \t @ \t \n", "[self][./script][one]");
}

static void the_rest_of_the_line_is_one_argument(void)
{
    check_script("#!@ argument\n", "[self][argument][./script][one]");
    check_script("#!@\t two  words \t\n", "[self][two  words][./script][one]");
}

static void a_line_may_lack_its_end(void)
{
    check_script("#!@", "[self][./script][one]");
    check_script("#!@ a b ", "[self][a b ][./script][one]");
}

static void a_zero_ends_a_string(void)
{
    char line[512];
    int len = snprintf(line, sizeof(line), "#!%s#gone\n", program);

    line[len - 6] = '\0';
    make_script_of("script", line, len);
    check_prints("./script", arguments, "[self][./script][one]");
    len = snprintf(line, sizeof(line), "#!%s #gone\n", program);
    line[len - 6] = '\0';
    make_script_of("script", line, len);
    check_prints("./script", arguments, "[self][][./script][one]");
}

static void a_line_that_names_no_program_is_refused(void)
{
    check_refused(ENOEXEC, "#!\n");
    check_refused(ENOEXEC, "#! \t \n");
    check_refused(ENOEXEC, " #!@\n");
    check_refused(ENOEXEC, "#");
    check_refused(ENOEXEC, "# !@\n");
    check_refused(EACCES, "#!");
}

static void an_interpreter_that_cannot_run_is_an_error(void)
{
    CHECK_OK(close(create_file("plain", "text", 4)));
    CHECK_OK(chmod("plain", 0644));
    check_refused(ENOENT, "#!/no/such/program\n");
    check_refused(ENOENT, "#!@\r\n");
    check_refused(ENOTDIR, "#!plain/program\n");
    check_refused(EACCES, "#!/\n");
    check_refused(EACCES, "#!plain\n");
    CHECK_OK(chmod("plain", 0755));
    check_refused(ENOEXEC, "#!plain\n");
    CHECK_OK(unlink("plain"));
}

/* Fills `line` with a script's first line whose interpreter ends before byte number `end`, by means
   of slashes, and which goes on with `rest` up to 600 bytes. */
static void long_line(char line[600], size_t end, char rest)
{
    memset(line, '/', end);
    memcpy(line, "#!", 2);
    memcpy(line + end - strlen(program), program, strlen(program));
    memset(line + end, rest, 600 - end);
    line[599] = '\n';
    make_script_of("script", line, 600);
}

static void only_the_first_256_bytes_count(void)
{
    char line[600], expected[600];

    long_line(line, 255, '\n');
    check_prints("./script", arguments, "[self][./script][one]");
    long_line(line, 255, ' ');
    check_prints("./script", arguments, "[self][./script][one]");
    long_line(line, 256, '\n');
    CHECK_ERR(ENOEXEC, execv("./script", arguments));
    long_line(line, 256, ' ');
    CHECK_ERR(ENOEXEC, execv("./script", arguments));
    memset(line, ' ', sizeof(line));
    memcpy(line, "#!", 2);
    make_script_of("script", line, sizeof(line));
    CHECK_ERR(ENOEXEC, execv("./script", arguments));

    /* The argument is cut off. */
    int start = snprintf(line, sizeof(line), "#!%s ", program);
    memset(line + start, 'x', sizeof(line) - start);
    make_script_of("script", line, sizeof(line));
    snprintf(expected, sizeof(expected), "[self][%.*s][./script][one]", 255 - start, line + start);
    check_prints("./script", arguments, expected);
}

static void an_interpreter_may_be_a_script(void)
{
    make_script("first", "#!@ a\n");
    make_script("second", "#!./first b\n");
    check_prints("./second", arguments, "[self][a][./first][b][./second][one]");
    CHECK_OK(unlink("first"));
    CHECK_ERR(ENOENT, execv("./second", arguments));
    CHECK_OK(unlink("second"));
}

static void at_most_five_scripts_stand_in_a_row(void)
{
    make_script("1", "#!@\n");
    make_script("2", "#!./1\n");
    make_script("3", "#!./2\n");
    make_script("4", "#!./3\n");
    make_script("5", "#!./4\n");
    make_script("6", "#!./5\n");
    check_prints("./5", arguments, "[self][./1][./2][./3][./4][./5][one]");
    CHECK_ERR(ELOOP, execv("./6", arguments));
    make_script("1", "#!./1\n");
    CHECK_ERR(ELOOP, execv("./1", arguments));
    for (char name[] = "1"; *name <= '6'; ++*name)
        CHECK_OK(unlink(name));
}

static void a_script_needs_no_arguments(void)
{
    char *nothing[] = {NULL};

    make_script("script", "#!@\n");
    check_prints("./script", nothing, "[self][./script]");
}

static void the_name_is_that_of_the_script(void)
{
    make_script("script", "#!@ print-names\n");
    check_prints("./script", arguments, "script ./script");
}

static void arguments_are_looked_at_first(void)
{
    make_script("script", "#!/no/such/program\n");
    CHECK_ERR(EFAULT, execv("./script", (char **)map_hole(1)));
}

static void a_script_must_be_executable(void)
{
    make_script("script", "#!@\n");
    CHECK_OK(chmod("script", 0644));
    CHECK_ERR(EACCES, execv("./script", arguments));
    CHECK_OK(chmod("script", 0755));
    int fd = CHECK_OK(open("script", O_WRONLY));
    CHECK_ERR(ETXTBSY, execv("./script", arguments));
    CHECK_OK(close(fd));
}

/* Opens a script for writing while it runs, which would be refused for its interpreter. */
static void a_running_script_may_be_written(void)
{
    static const char line[] = "#!/proc/self/exe wait\n";
    int fds[2];
    char byte;

    make_script_of("script", line, sizeof(line) - 1);
    make_pipe(fds);
    pid_t pid = start_child(exec_into, &(struct run){"./script", (char **)arguments, fds[1]});
    CHECK_EQ(CHECK_OK(read(fds[0], &byte, 1)), 1);
    CHECK_OK(close(CHECK_OK(open("script", O_WRONLY))));
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static int interpret(int argc, char **argv)
{
    if (strcmp(argv[1], "print-names") == 0) {
        print_names();
    } else if (strcmp(argv[1], "wait") == 0) {
        CHECK_OK(write(STDOUT_FILENO, "x", 1));
        wait_for_ever(NULL);
    } else {
        print_arguments(argc, argv);
    }
    return TEST_PASSED;
}

int main(int argc, char **argv)
{
    CHECK_OK(readlink("/proc/self/exe", program, sizeof(program) - 1));
    if (argc > 1)
        return interpret(argc, argv);
    temp_dir_enter();
    RUN(a_script_is_run_by_its_interpreter);
    RUN(the_rest_of_the_line_is_one_argument);
    RUN(a_line_may_lack_its_end);
    RUN(a_zero_ends_a_string);
    RUN(a_line_that_names_no_program_is_refused);
    RUN(an_interpreter_that_cannot_run_is_an_error);
    RUN(only_the_first_256_bytes_count);
    RUN(an_interpreter_may_be_a_script);
    RUN(at_most_five_scripts_stand_in_a_row);
    RUN(a_script_needs_no_arguments);
    RUN(the_name_is_that_of_the_script);
    RUN(arguments_are_looked_at_first);
    RUN(a_script_must_be_executable);
    RUN(a_running_script_may_be_written);
    CHECK_OK(unlink("script"));
    temp_dir_leave();
    return test_end();
}
