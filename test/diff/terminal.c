/* A terminal in random modes: random bytes are typed, and the case says what it reads, what poll and
   FIONREAD promise, and which signals come.

   On Linux the terminal is a pseudo-terminal. On Pagoda it is the console, taken from its session.
   ECHO is off and nothing is written, because that would mix with the report; keys.c compares what
   a person sees.

   TIOCSTI types, because it ends when its byte has been handled. What is written to the other side
   of a pseudo-terminal, Linux handles later, in a thread of its own. A signal can then throw away
   a line before a read, or after it. Only a Linux that forbids TIOCSTI is typed to in this way. A
   poll waits for the thread if nothing can be read, so each step reads all that there is.

   Unread input when canonical mode begins is a known difference, which this avoids too. */
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "generator.h"

static int other_side = -1, terminal; /* other_side: that of a pseudo-terminal; -1: none */

/* The settings as in the system calls. */
struct settings {
    uint32_t iflag, oflag, cflag, lflag;
    uint8_t line, cc[19];
};

static struct settings modes, modes_before;

static const uint8_t usual[19] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22};

static const int signals[] = {SIGINT, SIGQUIT, SIGTSTP};

static void fail(const char *what)
{
    say("cannot %s: %s", what, error_name(errno));
    say_flush();
    _exit(1);
}

static void open_terminal(void)
{
    other_side = posix_openpt(O_RDWR | O_NOCTTY);
    if (other_side < 0) {
        terminal = open("/dev/console", O_RDWR | O_NONBLOCK);
    } else {
        if (grantpt(other_side) || unlockpt(other_side))
            fail("unlock the terminal");
        terminal = open(ptsname(other_side), O_RDWR | O_NOCTTY | O_NONBLOCK);
    }
    if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 1))
        fail("open the terminal");
}

static void begin(void)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    setsid();
    open_terminal();
    if (ioctl(terminal, TCGETS, &modes_before))
        fail("read the settings");
    modes = (struct settings){.iflag = ICRNL | IXON,
                              .oflag = OPOST | ONLCR,
                              .cflag = modes_before.cflag,
                              .lflag = ISIG | ICANON | IEXTEN};
    memcpy(modes.cc, usual, sizeof(usual));
    ioctl(terminal, TCSETSF, &modes);
}

/* A change that clears IXON ends a stop by a key, and one of ICANON forgets VLNEXT. */
static void end(void)
{
    modes.iflag &= ~IXON;
    modes.lflag &= ~ICANON;
    ioctl(terminal, TCXONC, TCOON);
    ioctl(terminal, TCSETSF, &modes);
    ioctl(terminal, TCSETSF, &modes_before);
}

/* ---- What a step says ---- */

/* Says and takes the signals that have come. */
static void say_signals(void)
{
    sigset_t pending, one;

    sigpending(&pending);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        if (!sigismember(&pending, signals[i]))
            continue;
        say(" signal %d", signals[i]);
        sigemptyset(&one);
        sigaddset(&one, signals[i]);
        sigtimedwait(&one, NULL, &(struct timespec){0});
    }
}

static void say_promises(void)
{
    struct pollfd polled = {.fd = terminal, .events = POLLIN | POLLOUT};
    int count = -1;

    poll(&polled, 1, 0);
    ioctl(terminal, FIONREAD, &count);
    say(" poll %x, %d bytes", polled.revents, count);
}

/* Says all that can be read, in reads of a random size. In canonical mode, an end of input
   reads as 0 bytes, and more may follow. */
static void say_reads(void)
{
    static char bytes[512];

    for (int n = 0; n < 100; n++) {
        size_t len = one_in(2) ? 1 + random_to(4) : sizeof(bytes);
        long got = CALL(SYS_read, terminal, bytes, len);
        say(" read(%zu)", len);
        if (got <= 0)
            say_result(got);
        else
            say(" \"");
        if (got > 0)
            say_bytes(bytes, got), say("\"");
        if (got < 0 || (got == 0 && !(modes.lflag & ICANON)))
            break;
    }
}

static void say_all(void)
{
    say_promises();
    say_signals();
    say_reads();
}

/* ---- The steps ---- */

static uint8_t random_byte(void)
{
    static const uint8_t special[] = {3,   4,   8,   9,   10,   13,   17,   18,   19,   21,   22,
                                      23,  26,  28,  127, ' ',  0,    0xff, 0x80, 0xc3, 0xa4, 'a',
                                      'Z', '_', '.', '1', '\n', '\n', '\r', 22,   127};

    switch (random_to(4)) {
    case 0:
        return random_word();
    case 1:
        return modes.cc[random_to(sizeof(usual))];
    default:
        return ANY_OF(special);
    }
}

static void type(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!ioctl(terminal, TIOCSTI, &bytes[i]))
            continue;
        if (errno != EIO || i > 0 || write(other_side, bytes, len) != (ssize_t)len)
            fail("type");
        return;
    }
}

static void type_bytes(void)
{
    uint8_t bytes[24];
    size_t len = 1 + random_to(sizeof(bytes));

    for (size_t i = 0; i < len; i++)
        bytes[i] = random_byte();
    say("type \"");
    say_bytes(bytes, len);
    say("\":");
    type(bytes, len);
    say_all();
}

static uint32_t some_of(uint32_t flags)
{
    return flags & (random_word() | (one_in(2) ? random_word() : 0));
}

static void change_modes(void)
{
    modes.iflag = some_of(ICRNL | IXON | IUTF8);
    if (one_in(3))
        modes.iflag |= some_of(IGNCR | INLCR | IXANY | ISTRIP | IUCLC | PARMRK);
    modes.lflag = some_of(ICANON | ISIG | IEXTEN);
    if (one_in(3))
        modes.lflag |= some_of(NOFLSH | ECHOE | ECHOK | ECHOCTL | ECHOKE);
    memcpy(modes.cc, usual, sizeof(usual));
    modes.cc[VMIN] = random_to(5);
    modes.cc[VTIME] = one_in(4) ? 1 : 0;
    if (one_in(3))
        modes.cc[VEOL] = random_byte();
    if (one_in(6))
        modes.cc[random_to(sizeof(usual))] = random_byte();
    say("modes %x %x", modes.iflag, modes.lflag);
    for (size_t i = 0; i < sizeof(usual); i++)
        if (modes.cc[i] != usual[i])
            say(" [%zu]=%u", i, modes.cc[i]);
    say(":");
    say_result(CALL(SYS_ioctl, terminal, one_in(4) ? TCSETSF : TCSETS, &modes));
    say_all();
}

static void control(void)
{
    static const long requests[][2] = {{TCXONC, TCOOFF},   {TCXONC, TCOON},    {TCXONC, 4},
                                       {TCFLSH, TCIFLUSH}, {TCFLSH, TCOFLUSH}, {TCFLSH, TCIOFLUSH},
                                       {TCFLSH, 3},        {TCSBRK, 1},        {TIOCOUTQ, 0}};
    const long *request = ANY_OF(requests);
    int count = 0;

    say("control %lx, %lx", request[0], request[1]);
    say_result(request[0] == TIOCOUTQ ? CALL(SYS_ioctl, terminal, TIOCOUTQ, &count)
                                      : CALL(SYS_ioctl, terminal, request[0], request[1]));
    say_all();
}

static void run(void)
{
    begin();
    while (step_next()) {
        switch (random_to(8)) {
        case 0:
        case 1:
            change_modes();
            break;
        case 2:
            control();
            break;
        default:
            type_bytes();
        }
    }
    end();
}

int main(int argc, char **argv)
{
    return generator_main(argc, argv, &(struct generator){.run = run, .steps_max = 30});
}
