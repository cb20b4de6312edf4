/* The terminal: lines and bytes, the keys that send signals, and the processes that may use it.

   Each case leads its own session with its own terminal. On Linux that is a pseudo-terminal. On
   Pagoda it is the console, taken from the session that had it, with TIOCSTI for a keyboard. */
#include "test.h"

#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <termios.h>

#include "meter.h"

#define BOMB_SIZE 60 /* processes */

static int terminal, keyboard = -1; /* keyboard: the other side of a pseudo-terminal */
static struct termios modes_before;

static void type(const char *keys)
{
    if (keyboard >= 0)
        CHECK_EQ(CHECK_OK(write(keyboard, keys, strlen(keys))), strlen(keys));
    for (; keyboard < 0 && *keys; keys++)
        CHECK_OK(ioctl(terminal, TIOCSTI, keys));
}

static int pseudo_terminal_open(void)
{
    keyboard = CHECK_OK(posix_openpt(O_RDWR | O_NOCTTY));
    CHECK_OK(grantpt(keyboard));
    CHECK_OK(unlockpt(keyboard));
    return CHECK_OK(open(ptsname(keyboard), O_RDWR | O_NOCTTY));
}

static void set_flags(tcflag_t on, tcflag_t off, int vmin, int vtime)
{
    struct termios modes;

    CHECK_OK(tcgetattr(terminal, &modes));
    modes.c_lflag = (modes.c_lflag | on) & ~off;
    modes.c_cc[VMIN] = vmin;
    modes.c_cc[VTIME] = vtime;
    CHECK_OK(tcsetattr(terminal, TCSANOW, &modes));
}

/* Echo is off, because on Pagoda it would mix with the reports. */
static void lead_session(void *body)
{
    CHECK_OK(setsid());
    terminal = on_pagoda() ? CHECK_OK(open("/dev/console", O_RDWR)) : pseudo_terminal_open();
    CHECK_OK(ioctl(terminal, TIOCSCTTY, 1));
    CHECK_OK(tcgetattr(terminal, &modes_before));
    set_flags(0, ECHO, 1, 0);
    ((void (*)(void))body)();
    signal(SIGTTOU, SIG_IGN); /* whoever is in the foreground now */
    CHECK_OK(tcsetattr(terminal, TCSAFLUSH, &modes_before));
}

static void run_in_session(void *body)
{
    CHECK(exits_with(0, lead_session, body));
}

#define RUN_IN_SESSION(name) test_run_with(#name, run_in_session, (void *)(uintptr_t)(name))

static void check_read(const char *expected)
{
    char text[64];
    ssize_t len = CHECK_OK(read(terminal, text, sizeof(text)));

    CHECK_EQ(len, strlen(expected));
    CHECK(memcmp(text, expected, len) == 0);
}

/* Lines and bytes. */

static void lines_are_edited(void)
{
    type("ab\x7f"
         "c\n");
    check_read("ac\n");
    type("forget this\x15that\n");
    check_read("that\n");
    type("one word\x17line\n");
    check_read("one line\n");
    type("two\nlines\n");
    check_read("two\n");
    check_read("lines\n");
    type("no newline\x04");
    check_read("no newline");
    type("\x04");
    check_read("");
}

static void raw_bytes_come_at_once(void)
{
    set_flags(0, ICANON, 1, 0);
    type("a");
    check_read("a");
    type("\x7f\x04\x15");
    check_read("\x7f\x04\x15");
    type("\r");
    check_read("\n"); /* ICRNL is another flag */
}

static void reads_wait_for_bytes_and_time(void)
{
    set_flags(0, ICANON, 0, 0);
    check_read(""); /* at once */
    set_flags(0, ICANON, 0, 1);
    check_read(""); /* after a tenth of a second */
    set_flags(0, ICANON, 3, 0);
    type("ab");
    pid_t pid = CHECK_OK(fork());
    if (pid == 0) {
        usleep(20000);
        type("c");
        _exit(0);
    }
    check_read("abc");
    CHECK(exited_with(wait_child(pid), 0));
    set_flags(0, ICANON, 5, 1);
    type("ab");
    check_read("ab"); /* no third within a tenth of a second */
}

/* Becomes a process whose turn comes after all others, and reads. */
static void read_late(void *unused)
{
    struct meter meter = {0};
    char byte;

    (void)unused;
    CHECK_OK(syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &(int){0}));
    meter_work_until(&meter, 5 * MS);
    (void)!read(terminal, &byte, 1);
}

/* A job is stopped while it reads; then bytes are typed; then it gets its turn, and stops. Linux
   may give it the bytes. */
static void a_job_that_stops_takes_no_byte(void)
{
    if (!on_pagoda())
        return;
    set_flags(0, ICANON, 1, 0);
    stay_on_this_cpu();
    pid_t pid = start_child(read_late, NULL);
    await_state(pid, 'S');
    CHECK_OK(kill(pid, SIGSTOP));
    type("ab");
    await_state(pid, 'T');
    use_all_cpus();
    check_read("ab");
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

static void what_is_typed_stays_when_modes_change(void)
{
    int count;

    type("half a line");
    CHECK_OK(ioctl(terminal, FIONREAD, &count));
    CHECK_EQ(count, 0);
    set_flags(0, ICANON, 1, 0);
    check_read("half a line");
    type("more");
    CHECK_OK(tcflush(terminal, TCIFLUSH));
    type("x");
    check_read("x");
}

static int when_polled(void)
{
    struct pollfd polled = {.fd = terminal, .events = POLLIN | POLLOUT};

    CHECK_OK(poll(&polled, 1, 0));
    return polled.revents;
}

static void poll_waits_for_the_minimum(void)
{
    set_flags(0, ICANON, 3, 0);
    type("ab");
    CHECK_EQ(when_polled(), POLLOUT);
    type("c");
    CHECK_EQ(when_polled(), POLLIN | POLLOUT);
    check_read("abc");
    set_flags(0, ICANON, 3, 1); /* with VTIME one byte is enough */
    type("d");
    CHECK_EQ(when_polled(), POLLIN | POLLOUT);
    check_read("d");
}

/* Descriptors are opened anew by each session, so the flag stays here. */
static void set_nonblocking(void)
{
    CHECK_OK(fcntl(terminal, F_SETFL, O_RDWR | O_NONBLOCK));
}

static void reads_need_not_wait(void)
{
    char byte;

    set_nonblocking();
    CHECK_ERR(EAGAIN, read(terminal, &byte, 1));
    type("half");
    CHECK_EQ(when_polled(), POLLOUT);
    CHECK_ERR(EAGAIN, read(terminal, &byte, 1));
    type(" line\n");
    CHECK_EQ(when_polled(), POLLIN | POLLOUT);
    check_read("half line\n");
    set_flags(0, ICANON, 3, 0);
    CHECK_ERR(EAGAIN, read(terminal, &byte, 1));
    type("ab");
    CHECK_EQ(when_polled(), POLLOUT);
    check_read("ab"); /* what there is */
    set_flags(0, ICANON, 0, 1);
    CHECK_ERR(EAGAIN, read(terminal, &byte, 1)); /* it would wait for VTIME */
    set_flags(0, ICANON, 0, 0);
    check_read("");
}

static void interrupt_reader(void *unused)
{
    (void)unused;
    type("ab");
    await_state(getppid(), 'S');
    CHECK_OK(kill(getppid(), SIGUSR1));
}

static void do_nothing_at(int signal)
{
    (void)signal;
}

static void a_signal_ends_a_read_with_what_there_is(void)
{
    struct sigaction action = {.sa_handler = do_nothing_at};

    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    set_flags(0, ICANON, 3, 0);
    type("ab");
    CHECK_EQ(when_polled(), POLLOUT); /* they have come */
    pid_t pid = start_child(interrupt_reader, NULL);
    set_flags(0, ICANON, 5, 0);
    check_read("abab");
    CHECK(exited_with(wait_child(pid), 0));
}

static void the_next_key_is_taken_literally(void)
{
    type("a\x16\x03"
         "b\x16\n"
         "c\x16\x16\x16\x7f\n");
    check_read("a\x03"
               "b\nc\x16\x7f\n");
}

static void a_word_is_letters_and_digits(void)
{
    type("one, two/three.\x17\x17"
         "3\n");
    check_read("one, 3\n");
}

static void a_long_line_is_one_read(void)
{
    char text[1501], line[2000];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 2] = '\n';
    text[sizeof(text) - 1] = '\0';
    type(text);
    CHECK_EQ(CHECK_OK(read(terminal, line, sizeof(line))), 1500);
    CHECK(memcmp(text, line, 1500) == 0);
}

static void keys_stop_output(void)
{
    set_nonblocking();
    type("\x13");
    CHECK_EQ(when_polled(), 0);
    CHECK_ERR(EAGAIN, write(terminal, "# lost\n", 7));
    type("x");
    CHECK_EQ(when_polled(), 0);
    type("\x11");
    while (when_polled() == 0)
        sched_yield();
    CHECK_EQ(CHECK_OK(write(terminal, "# printed\n", 10)), 10);
    type("\x13");
    CHECK_EQ(when_polled(), 0);
    CHECK(signal(SIGINT, SIG_IGN) != SIG_ERR);
    type("\x03"); /* starts it too */
    while (when_polled() == 0)
        sched_yield();
}

static void programs_stop_output(void)
{
    set_nonblocking();
    CHECK_OK(tcflow(terminal, TCOOFF));
    CHECK_EQ(when_polled(), 0);
    CHECK_ERR(EAGAIN, write(terminal, "# lost\n", 7));
    type("\x11x\n");
    CHECK_EQ(when_polled(), POLLIN); /* no key starts it */
    CHECK_OK(tcflow(terminal, TCOON));
    CHECK_EQ(when_polled(), POLLIN | POLLOUT);
    CHECK_ERR(EINVAL, tcflow(terminal, 4));
}

static void write_when_allowed(void *unused)
{
    (void)unused;
    CHECK_EQ(CHECK_OK(write(terminal, "# after the stop\n", 17)), 17);
}

static void a_writer_waits_for_the_stop_to_end(void)
{
    type("\x13");
    CHECK_EQ(when_polled(), 0);
    pid_t pid = start_child(write_when_allowed, NULL);
    await_state(pid, 'S');
    type("\x11");
    CHECK(exited_with(wait_child(pid), 0));
    type("\x13");
    CHECK_EQ(when_polled(), 0);
    pid = start_child(write_when_allowed, NULL);
    await_state(pid, 'S');
    CHECK_OK(kill(pid, SIGTERM));
    CHECK(killed_by(wait_child(pid), SIGTERM));
    type("\x11");
}

/* Jobs. */

static int wait_for_change(pid_t pid)
{
    int status;

    CHECK_EQ(CHECK_OK(waitpid(pid, &status, WUNTRACED)), pid);
    return status;
}

static bool stopped_by(int status, int signal)
{
    return WIFSTOPPED(status) && WSTOPSIG(status) == signal;
}

/* Starts a child in its own group. The group exists when this returns. */
static pid_t start_job(void (*body)(void *), void *arg)
{
    pid_t pid = CHECK_OK(fork());

    if (pid == 0) {
        CHECK_OK(setpgid(0, 0));
        body(arg);
        _exit(0);
    }
    setpgid(pid, pid); /* or the child was first */
    CHECK_EQ(getpgid(pid), pid);
    return pid;
}

static void to_foreground(pid_t group)
{
    signal(SIGTTOU, SIG_IGN);
    CHECK_OK(tcsetpgrp(terminal, group));
    CHECK_EQ(tcgetpgrp(terminal), group);
    signal(SIGTTOU, SIG_DFL);
}

static void end_job(pid_t pid)
{
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

static void keys_are_for_the_foreground(void)
{
    pid_t front = start_job(wait_for_ever, NULL), back = start_job(wait_for_ever, NULL);

    to_foreground(front);
    type("\x1a");
    CHECK(stopped_by(wait_for_change(front), SIGTSTP));
    CHECK_OK(kill(front, SIGCONT));
    type("\x03");
    CHECK(killed_by(wait_child(front), SIGINT));
    CHECK_EQ(waitpid(back, NULL, WNOHANG | WUNTRACED), 0);
    to_foreground(back);
    type("\x1c");
    CHECK(WTERMSIG(wait_child(back)) == SIGQUIT);
}

static void keys_are_bytes_without_isig(void)
{
    set_flags(0, ICANON | ISIG, 1, 0);
    type("\x03\x1a\x1c");
    check_read("\x03\x1a\x1c");
}

static void read_line(void *expected)
{
    check_read(expected);
}

static void a_job_in_the_background_does_not_read(void)
{
    pid_t pid = start_job(read_line, "for you\n");

    CHECK(stopped_by(wait_for_change(pid), SIGTTIN));
    type("for you\n");
    to_foreground(pid);
    CHECK_OK(kill(pid, SIGCONT)); /* its read begins again, and may */
    CHECK(exited_with(wait_child(pid), 0));
}

static void change_modes(void *unused)
{
    (void)unused;
    set_flags(0, ECHO, 1, 7);
}

static void a_job_in_the_background_does_not_change_modes(void)
{
    pid_t pid = start_job(change_modes, NULL);
    struct termios modes;

    CHECK(stopped_by(wait_for_change(pid), SIGTTOU));
    CHECK_OK(tcgetattr(terminal, &modes));
    CHECK_EQ(modes.c_cc[VTIME], 0);
    to_foreground(pid);
    CHECK_OK(kill(pid, SIGCONT));
    CHECK(exited_with(wait_child(pid), 0));
    CHECK_OK(tcgetattr(terminal, &modes));
    CHECK_EQ(modes.c_cc[VTIME], 7);
    to_foreground(getpgrp());
}

static void write_remark(void *unused)
{
    (void)unused;
    CHECK_EQ(CHECK_OK(write(terminal, "# a job writes\n", 15)), 15);
}

static void tostop_holds_writers(void)
{
    pid_t pid = start_job(write_remark, NULL);
    CHECK(exited_with(wait_child(pid), 0));
    set_flags(TOSTOP, 0, 1, 0);
    pid = start_job(write_remark, NULL);
    CHECK(stopped_by(wait_for_change(pid), SIGTTOU));
    end_job(pid);
}

static void read_with_deaf_ears(void *unused)
{
    char byte;

    (void)unused;
    signal(SIGTTIN, SIG_IGN);
    CHECK_ERR(EIO, read(terminal, &byte, 1));
    signal(SIGTTOU, SIG_IGN);
    set_flags(0, ECHO, 1, 0); /* may */
}

static void a_job_that_ignores_the_stop_gets_an_error(void)
{
    CHECK(exited_with(wait_child(start_job(read_with_deaf_ears, NULL)), 0));
}

/* The parent of the job ends before the job reads. */
static void read_as_orphan(void *gates)
{
    struct gate *orphaned = gates, *done = orphaned + 1;
    char byte;

    if (CHECK_OK(fork()) > 0)
        return;
    CHECK_OK(setpgid(0, 0));
    gate_pass(orphaned);
    CHECK_ERR(EIO, read(terminal, &byte, 1));
    CHECK_ERR(EIO, tcsetattr(terminal, TCSANOW, &modes_before));
    CHECK_ERR(ENOTTY, tcsetpgrp(terminal, getpgrp())); /* an error that tcsetpgrp can have */
    gate_open(done);
    _exit(0);
}

static void an_orphaned_job_gets_an_error(void)
{
    struct gate gates[2] = {gate_make(), gate_make()};

    CHECK(exits_with(0, read_as_orphan, gates));
    gate_open(&gates[0]);
    gate_pass(&gates[1]);
}

static void the_foreground_is_told_and_checked(void)
{
    pid_t pid = start_job(wait_for_ever, NULL);

    CHECK_EQ(tcgetsid(terminal), getpid());
    CHECK_EQ(tcgetpgrp(terminal), getpgrp());
    to_foreground(pid);
    to_foreground(getpgrp());
    CHECK_ERR(EINVAL, tcsetpgrp(terminal, -1));
    CHECK_ERR(ESRCH, tcsetpgrp(terminal, 1 << 22));
    CHECK_ERR(EPERM, tcsetpgrp(terminal, getpgid(getppid()))); /* of another session */
    end_job(pid);
}

static void take_terminal(void *unused)
{
    (void)unused;
    CHECK_ERR(EPERM, ioctl(terminal, TIOCSCTTY, 0));
    CHECK_ERR(EPERM, ioctl(terminal, TIOCSCTTY, 1));
}

static void only_the_leader_takes_the_terminal(void)
{
    CHECK_OK(ioctl(terminal, TIOCSCTTY, 0));
    CHECK(exits_with(0, take_terminal, NULL));
}

static volatile sig_atomic_t signals;

static void count(int signal)
{
    (void)signal;
    signals++;
}

static void a_new_size_is_told(void)
{
    struct winsize size = {.ws_row = 11, .ws_col = 22}, before;

    signal(SIGWINCH, count);
    CHECK_OK(ioctl(terminal, TIOCGWINSZ, &before));
    CHECK_OK(ioctl(terminal, TIOCSWINSZ, &size));
    CHECK_EQ(signals, 1);
    CHECK_OK(ioctl(terminal, TIOCSWINSZ, &size)); /* nothing new */
    CHECK_EQ(signals, 1);
    memset(&size, 0, sizeof(size));
    CHECK_OK(ioctl(terminal, TIOCGWINSZ, &size));
    CHECK_EQ(size.ws_col, 22);
    CHECK_OK(ioctl(terminal, TIOCSWINSZ, &before));
}

/* The leader goes. */

static void the_leader_gives_up_the_terminal(void)
{
    pid_t pid = start_job(wait_for_ever, NULL);

    to_foreground(pid);
    signal(SIGHUP, SIG_IGN);
    CHECK_OK(ioctl(terminal, TIOCNOTTY));
    CHECK(killed_by(wait_child(pid), SIGHUP));
    CHECK_ERR(ENOTTY, tcgetpgrp(terminal));
    CHECK_ERR(ENOTTY, ioctl(terminal, TIOCNOTTY));
    CHECK_OK(ioctl(terminal, TIOCSCTTY, 0)); /* and takes it again */
    CHECK_EQ(tcgetpgrp(terminal), getpgrp());
}

static struct gate hung_up;

static void await_hangup(void *unused)
{
    sigset_t set;
    int signal;

    (void)unused;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    gate_open(&hung_up);
    CHECK_EQ(sigwait(&set, &signal), 0);
    gate_open(&hung_up);
}

static void leave_job(void)
{
    pid_t pid = start_job(await_hangup, NULL);

    gate_pass(&hung_up);
    to_foreground(pid);
}

static void a_job_hears_of_its_leaders_end(void)
{
    hung_up = gate_make();
    run_in_session(leave_job);
    gate_pass(&hung_up);
    gate_destroy(&hung_up);
}

/* Opened by the job that is left after the session's leader has gone. */
static struct gate gone;

/* Checks a terminal that was hung up. A pseudo-terminal wakes its reader first and hangs up a
   little later. */
static void check_hung_up(int tty)
{
    struct pollfd polled = {.fd = tty, .events = POLLIN | POLLOUT};
    struct termios modes;
    char byte;

    while (tcgetattr(tty, &modes) == 0)
        sched_yield();
    CHECK_EQ(CHECK_OK(read(tty, &byte, 1)), 0);
    CHECK_ERR(EIO, write(tty, "x", 1));
    CHECK_ERR(EIO, tcgetattr(tty, &modes));
    CHECK_ERR(ENOTTY, tcsetpgrp(tty, getpgrp()));
    CHECK_EQ(CHECK_OK(poll(&polled, 1, -1)), 1);
    CHECK(polled.revents & POLLHUP);
    CHECK_ERR(ENXIO, open("/dev/tty", O_RDWR)); /* the session has none any more */
}

/* Reads in the foreground, where only the hangup ends the read. */
static void read_until_hangup(void *unused)
{
    int tty = CHECK_OK(open("/dev/tty", O_RDWR));
    char byte;

    (void)unused;
    close(keyboard); /* so that the leader's was the last */
    signal(SIGHUP, SIG_IGN);
    gate_open(&hung_up);
    CHECK(read(tty, &byte, 1) <= 0);
    check_hung_up(tty);
    gate_open(&gone);
}

static void leave_reader(void)
{
    pid_t pid = start_job(read_until_hangup, NULL);

    to_foreground(pid);
    gate_pass(&hung_up);
}

static void a_read_ends_when_the_leader_does(void)
{
    hung_up = gate_make();
    gone = gate_make();
    run_in_session(leave_reader);
    gate_pass(&gone);
    gate_destroy(&gone);
    gate_destroy(&hung_up);
}

static void no_terminal_without_a_session(void *unused)
{
    (void)unused;
    CHECK_OK(setsid());
    CHECK_ERR(ENXIO, open("/dev/tty", O_RDWR));
}

static void the_terminal_of_the_session_has_a_name(void)
{
    int tty = CHECK_OK(open("/dev/tty", O_RDWR));

    CHECK_EQ(tcgetpgrp(tty), getpgrp());
    type("text\n");
    int before = terminal;
    terminal = tty;
    check_read("text\n");
    terminal = before;
    CHECK_OK(close(tty));
    CHECK(exits_with(0, no_terminal_without_a_session, NULL));
}

/* A fork bomb. Each process writes a byte when it starts, and has an end of the pipe. */
static int bomb_pipe[2];

static void explode(void *unused)
{
    (void)unused;
    CHECK_OK(close(bomb_pipe[0]));
    CHECK_OK(setrlimit(RLIMIT_NPROC, &(struct rlimit){BOMB_SIZE, BOMB_SIZE}));
    CHECK_OK(fcntl(bomb_pipe[1], F_SETFL, O_NONBLOCK));
    for (;;)
        if (fork() == 0)
            (void)!write(bomb_pipe[1], "b", 1);
}

/* A key ends all of a fork bomb at once, and the leader can start processes meanwhile. On Linux
   root's bomb would have no limit. */
static void ctrl_c_ends_a_fork_bomb(void)
{
    char bytes[64];

    if (!on_pagoda())
        return;
    make_pipe(bomb_pipe);
    pid_t pid = start_job(explode, NULL);
    CHECK_OK(close(bomb_pipe[1]));
    to_foreground(pid);
    for (int n = 0; n < BOMB_SIZE / 2; n++)
        CHECK_EQ(CHECK_OK(read(bomb_pipe[0], bytes, 1)), 1);
    CHECK_OK(setrlimit(RLIMIT_NPROC, &(struct rlimit){1, RLIM_INFINITY}));
    pid_t other = start_job(wait_for_ever, NULL);
    type("\x03");
    while (CHECK_OK(read(bomb_pipe[0], bytes, sizeof(bytes))) > 0) {
    }
    CHECK(killed_by(wait_child(pid), SIGINT));
    end_job(other);
    CHECK_OK(close(bomb_pipe[0]));
}

/* With an argument, leaves the output stopped, for a test of the shell (tools/paste_test.py). */
int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return tcflow(STDIN_FILENO, TCOOFF);
    RUN_IN_SESSION(lines_are_edited);
    RUN_IN_SESSION(raw_bytes_come_at_once);
    RUN_IN_SESSION(reads_wait_for_bytes_and_time);
    RUN_IN_SESSION(a_job_that_stops_takes_no_byte);
    RUN_IN_SESSION(what_is_typed_stays_when_modes_change);
    RUN_IN_SESSION(poll_waits_for_the_minimum);
    RUN_IN_SESSION(reads_need_not_wait);
    RUN_IN_SESSION(a_signal_ends_a_read_with_what_there_is);
    RUN_IN_SESSION(the_next_key_is_taken_literally);
    RUN_IN_SESSION(a_word_is_letters_and_digits);
    RUN_IN_SESSION(a_long_line_is_one_read);
    RUN_IN_SESSION(keys_stop_output);
    RUN_IN_SESSION(programs_stop_output);
    RUN_IN_SESSION(a_writer_waits_for_the_stop_to_end);
    RUN_IN_SESSION(keys_are_for_the_foreground);
    RUN_IN_SESSION(keys_are_bytes_without_isig);
    RUN_IN_SESSION(a_job_in_the_background_does_not_read);
    RUN_IN_SESSION(a_job_in_the_background_does_not_change_modes);
    RUN_IN_SESSION(tostop_holds_writers);
    RUN_IN_SESSION(a_job_that_ignores_the_stop_gets_an_error);
    RUN_IN_SESSION(an_orphaned_job_gets_an_error);
    RUN_IN_SESSION(ctrl_c_ends_a_fork_bomb);
    RUN_IN_SESSION(the_foreground_is_told_and_checked);
    RUN_IN_SESSION(only_the_leader_takes_the_terminal);
    RUN_IN_SESSION(a_new_size_is_told);
    RUN_IN_SESSION(the_leader_gives_up_the_terminal);
    RUN(a_job_hears_of_its_leaders_end);
    RUN_IN_SESSION(the_terminal_of_the_session_has_a_name);
    RUN(a_read_ends_when_the_leader_does);
    return test_end();
}
