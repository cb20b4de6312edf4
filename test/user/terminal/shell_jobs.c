/* The shell at a terminal: its jobs, and the size of the terminal. A shell reads from the console,
   which TIOCSTI types on, and writes to a pipe, so that the cases wait for what it says. */
#include "test.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

enum { PATIENCE_MS = 250000 }; /* with a shell that has nothing to say */

static int console, output;
static pid_t shell;
static char said[8 * KIB]; /* since the last line was typed */

/* Waits until the shell has said `text` since the last line was typed. */
static void expect(const char *text)
{
    struct pollfd polled = {.fd = output, .events = POLLIN};
    size_t len = strlen(said);

    while (!strstr(said, text)) {
        bool is_ready = CHECK_OK(poll(&polled, 1, PATIENCE_MS)) > 0;
        ssize_t part = is_ready ? CHECK_OK(read(output, said + len, sizeof(said) - 1 - len)) : 0;
        if (part == 0)
            test_fail(__FILE__, __LINE__, "the shell said \"%s\", not \"%s\"", said, text);
        said[len += part] = '\0';
    }
}

static void type_line(const char *line)
{
    said[0] = '\0';
    for (; *line; line++)
        CHECK_OK(ioctl(console, TIOCSTI, line));
    CHECK_OK(ioctl(console, TIOCSTI, "\n"));
}

/* Types a line. Waits until the shell has said `text`, and then for its next prompt. */
static void ask(const char *line, const char *text)
{
    type_line(line);
    expect(text);
    type_line("echo e'nd'");
    expect("end\n$ ");
}

static const char *terminal_name = "dumb"; /* without a line editor */

static void be_shell(void *fd)
{
    CHECK_OK(dup2(console, STDIN_FILENO));
    CHECK_OK(dup2(*(int *)fd, STDOUT_FILENO));
    CHECK_OK(dup2(*(int *)fd, STDERR_FILENO));
    CHECK_OK(setenv("TERM", terminal_name, 1));
    CHECK_OK(setenv("PS1", "$ ", 1));
    execl("/bin/sh", "sh", NULL);
}

/* Leads a session with the console, and starts a shell in it. */
static void session_run(void *body)
{
    struct termios modes, quiet;
    int fds[2];

    CHECK_OK(setsid());
    console = CHECK_OK(open("/dev/console", O_RDWR));
    CHECK_OK(ioctl(console, TIOCSCTTY, 1));
    CHECK_OK(tcgetattr(console, &modes));
    quiet = modes;
    quiet.c_lflag &= ~ECHO; /* it would mix with the reports */
    CHECK_OK(tcsetattr(console, TCSANOW, &quiet));
    make_pipe(fds);
    output = fds[0];
    shell = start_child(be_shell, &fds[1]);
    CHECK_OK(close(fds[1]));
    expect("$ ");
    ((void (*)(void))body)();
    type_line("exit 0; exit 0");
    CHECK(exited_with(wait_child(shell), 0));
    CHECK_OK(close(output));
    signal(SIGTTOU, SIG_IGN);
    CHECK_OK(tcsetattr(console, TCSAFLUSH, &modes));
}

static void run_with_shell(void *body)
{
    CHECK(exits_with(0, session_run, body));
}

#define RUN_WITH_SHELL(name) test_run_with(#name, run_with_shell, (void *)(uintptr_t)(name))

static void kill_ends_a_background_job(void)
{
    ask("sleep 1000 &", "[1] ");
    ask("sleep 1000 | sleep 1000 &", "[2] ");
    ask("kill -9 %2; wait %2; echo =$?", "=137\n");
    ask("jobs", "[1] Running      sleep 1000");
    ask("kill %1; wait %1; echo =$?; kill %1", "=143\nsh: kill: %1: No such process\n");
    ask("kill %1", "sh: kill: %1: no such job");
}

static void kill_ends_a_stopped_job(void)
{
    ask("sh -c 'kill -STOP $$'", "");
    ask("jobs", "[1] Stopped ");
    ask("kill %1; wait %1; echo =$?", "=143\n");
    ask("sh -c 'kill -STOP $$'", "");
    ask("kill -9 %%; wait %1; echo =$?", "=137\n");
}

static void fg_and_bg_continue_a_job(void)
{
    ask("sh -c 'kill -STOP $$; exit 7'", "");
    ask("fg; echo =$?", "=7\n");
    ask("sh -c 'kill -STOP $$; exit 8'", "");
    ask("bg %1; wait %1; echo =$?", "=8\n");
    ask("fg", "sh: fg: current: no such job");
    ask("bg %5", "sh: bg: %5: no such job");
}

/* The shell learns that another process has continued its job. */
static void jobs_shows_what_was_continued(void)
{
    ask("sh -c 'kill -STOP $$; sleep 1000'", "");
    ask("jobs", "[1] Stopped ");
    type_line("jobs -p; echo end");
    expect("\nend\n$ ");
    CHECK_OK(kill(-atoi(said), SIGCONT));
    ask("jobs", "[1] Running ");
    ask("kill -9 %1; wait; echo =$?", "=0\n");
}

/* A job may leave O_NONBLOCK on the terminal, which its shell shares. */
static void a_shell_waits_for_input(void)
{
    CHECK_OK(fcntl(console, F_SETFL, O_RDWR | O_NONBLOCK));
    ask("sh -c true", "");
    CHECK_EQ(CHECK_OK(fcntl(console, F_GETFL)) & O_NONBLOCK, 0);
}

/* The size of the terminal. */

#define QUESTION "\033[999;999H\033[6n"

static void answer(const char *text)
{
    said[0] = '\0';
    for (; *text; text++)
        CHECK_OK(ioctl(console, TIOCSTI, text));
}

static void check_size(int rows, int columns)
{
    struct winsize size;

    CHECK_OK(ioctl(console, TIOCGWINSZ, &size));
    CHECK_EQ(size.ws_row, rows);
    CHECK_EQ(size.ws_col, columns);
}

/* Restores the size that the console had. */
static void run_with_size(void *body)
{
    struct winsize size;
    int fd = CHECK_OK(open("/dev/console", O_RDWR | O_NOCTTY));

    CHECK_OK(ioctl(fd, TIOCGWINSZ, &size));
    run_with_shell(body);
    CHECK_OK(ioctl(fd, TIOCSWINSZ, &size));
    CHECK_OK(close(fd));
}

#define RUN_WITH_SIZE(name) test_run_with(#name, run_with_size, (void *)(uintptr_t)(name))

static void resize_asks_the_terminal(void)
{
    type_line("resize");
    expect(QUESTION);
    answer("ab\033[A\033[41;101R");
    expect("41 rows, 101 columns\n$ ");
    check_size(41, 101);
    ask("resize 24 80", "24 rows, 80 columns\n");
    check_size(24, 80);
    ask("resize 24", "usage: resize");
    ask("resize 0 80", "usage: resize");
    ask("resize < /dev/null", "resize: standard input: ");
    check_size(24, 80);
}

static void resize_gives_up(void)
{
    ask("resize", "resize: the terminal does not say");
    type_line("resize");
    expect(QUESTION);
    answer("\033[0;0R");
    expect("resize: the terminal does not say");
}

/* The answer arrives while a line is edited. */
static void a_shell_learns_the_size(void)
{
    answer("echo a\033[43;103Rb\r");
    expect("\nab\n");
    check_size(43, 103);
    answer("echo c\033[1;2Rd\r"); /* Shift-F3 */
    expect("\ncd\n");
    check_size(43, 103);
}

int main(void)
{
    pagoda_only(); /* Linux has other shells, and may refuse TIOCSTI */
    RUN_WITH_SHELL(kill_ends_a_background_job);
    RUN_WITH_SHELL(kill_ends_a_stopped_job);
    RUN_WITH_SHELL(fg_and_bg_continue_a_job);
    RUN_WITH_SHELL(jobs_shows_what_was_continued);
    RUN_WITH_SHELL(a_shell_waits_for_input);
    RUN_WITH_SIZE(resize_asks_the_terminal);
    RUN_WITH_SIZE(resize_gives_up);
    terminal_name = "vt100";
    RUN_WITH_SIZE(a_shell_learns_the_size);
    return test_end();
}
