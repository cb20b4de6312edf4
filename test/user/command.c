/* Runs commands in the syntax of the shell. */
#include "test.h"

#include "command.h"

struct shell_run {
    const char *script;
    int output; /* a pipe */
};

static void shell_run(void *argument)
{
    const struct shell_run *run = argument;
    int null = CHECK_OK(open("/dev/null", O_RDWR));

    CHECK_OK(dup2(null, STDIN_FILENO));
    CHECK_OK(dup2(run->output, STDOUT_FILENO));
    CHECK_OK(dup2(null, STDERR_FILENO)); /* messages are in other words */
    execlp("sh", "sh", "-c", run->script, NULL);
    _exit(127);
}

int output_of(const char *script, char **text)
{
    static char bytes[16 * KIB];
    size_t len = 0;
    ssize_t part;
    int fds[2];

    make_pipe(fds);
    struct shell_run run = {.script = script, .output = fds[1]};
    pid_t pid = start_child(shell_run, &run);
    CHECK_OK(close(fds[1]));
    while ((part = CHECK_OK(read(fds[0], bytes + len, sizeof(bytes) - 1 - len))) > 0)
        len += part;
    CHECK_OK(close(fds[0]));
    bytes[len] = '\0';
    *text = bytes;
    int status = wait_child(pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

void command_check(const char *file, int line, int status, const char *script, const char *expected)
{
    char *text;
    int found = output_of(script, &text);

    if (found != status || strcmp(text, expected) != 0)
        test_fail(file, line, "\"%s\" prints \"%s\" and ends with %d", script, text, found);
}
