/* Types random bytes in random modes at the kernel's line discipline and at a pseudo-terminal of
   Linux, and compares all that a person and a program see: echoes, output, reads, poll, FIONREAD.

       terminal [-s SEED] [-t SECONDS] [-n STEPS] [-v]

   A run is a number of steps from a seed. Linux moves typed bytes to the line discipline in a
   thread of its own. A poll of an empty terminal waits for this thread; where that is not possible
   the program waits for the expected output. A run that differs is repeated with longer waits, and
   only then reported.

   Known differences (kernel/tty/line.c), which no step shows: lines that are too long, and unread
   input when canonical mode begins. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "terminal.h"

static int keyboard = -1, terminal = -1; /* the two sides of the pseudo-terminal */
static uint64_t state;
static bool is_slow, is_verbose, is_suspended;
static struct settings modes;

static uint32_t next(void)
{
    state = state * 6364136223846793005ul + 1442695040888963407ul;
    return state >> 33;
}

static uint32_t below(uint32_t limit)
{
    return next() % limit;
}

static void print_bytes(const char *who, const char *bytes, size_t len)
{
    printf("#   %s:", who);
    for (size_t i = 0; i < len; i++)
        printf(bytes[i] > ' ' && bytes[i] < 0x7f ? " %c" : " %02x", (uint8_t)bytes[i]);
    printf("\n");
}

/* Waits until Linux has handled all that was typed. */
static void settle(void)
{
    struct pollfd polled = {.fd = terminal, .events = POLLIN};

    poll(&polled, 1, 0);
    if (is_slow || (polled.revents & POLLIN))
        usleep(is_slow ? 5000 : 300);
}

/* Reads the output of Linux, and compares it with ours. */
static bool is_output_equal(void)
{
    char bytes[sizeof(our_output)];
    size_t len = 0;
    ssize_t n;

    settle();
    for (int tries = 0; tries < 50; tries++) {
        while ((n = read(keyboard, bytes + len, sizeof(bytes) - len)) > 0)
            len += n;
        if (len >= our_output_len)
            break;
        usleep(1000);
    }
    bool is_equal = len == our_output_len && memcmp(bytes, our_output, len) == 0;
    if (is_verbose || (!is_equal && is_slow)) {
        print_bytes("Linux ", bytes, len);
        print_bytes("Pagoda", our_output, our_output_len);
    }
    our_output_len = 0;
    return is_equal;
}

static bool is_equal(const char *what, long linux_value, long our_value)
{
    if (linux_value == our_value)
        return true;
    if (is_slow)
        printf("#   %s: Linux %ld, Pagoda %ld\n", what, linux_value, our_value);
    return false;
}

static void step(const char *what, long number)
{
    if (is_verbose)
        printf("# %s %lx\n", what, number);
}

/* ---- The steps ---- */

static const uint8_t special[] = {3,   4, 8,   10,  13, 17,   18,   19,   21,   22,   23,   26,  28,
                                  127, 9, ' ', '_', 0,  0xff, 0x80, 0xc3, 0xa4, 0xe2, 0x82, 0xac};

static uint8_t random_byte(void)
{
    switch (below(4)) {
    case 0:
        return special[below(sizeof(special))];
    case 1:
        return modes.cc[below(19)];
    case 2:
        return "abcXYZ012 \t.-"[below(13)];
    default:
        return next();
    }
}

static bool type(void)
{
    uint8_t byte = random_byte();

    step("type", byte);
    if (write(keyboard, &byte, 1) != 1)
        return is_equal("typing", errno, 0);
    our_type(byte);
    return is_output_equal();
}

static bool print(void)
{
    char bytes[32];
    size_t len = 1 + below(sizeof(bytes));

    for (size_t i = 0; i < len; i++)
        bytes[i] = random_byte();
    step("print", len);
    ssize_t n = write(terminal, bytes, len);
    return is_equal("write", n < 0 ? -errno : n, our_write(bytes, len)) && is_output_equal();
}

static bool read_some(void)
{
    char theirs[64], ours[64];
    size_t len = 1 + below(below(2) ? 4 : 60);

    step("read", len);
    settle();
    ssize_t n = read(terminal, theirs, len);
    n = n < 0 ? -errno : n;
    if (!is_equal("read", n, our_read(ours, len)))
        return false;
    if (n > 0 && memcmp(theirs, ours, n)) {
        print_bytes("Linux read ", theirs, n);
        print_bytes("Pagoda read", ours, n);
        return false;
    }
    return is_output_equal();
}

static bool ask(void)
{
    struct pollfd polled = {.fd = terminal, .events = POLLIN | POLLOUT};
    int count;

    step("ask", 0);
    settle();
    poll(&polled, 1, 0);
    ioctl(terminal, FIONREAD, &count);
    return is_equal("POLLIN", !!(polled.revents & POLLIN), our_is_readable()) &&
           is_equal("POLLOUT", !!(polled.revents & POLLOUT), our_is_writable()) &&
           is_equal("FIONREAD", count, our_input_len());
}

static bool flush(void)
{
    step("flush", 0);
    settle();
    tcflush(terminal, TCIFLUSH);
    our_flush_input();
    return is_output_equal();
}

static bool control_flow(void)
{
    int action = below(4);

    if (action < TCIOFF)
        is_suspended = action == TCOOFF;
    else if (is_suspended)
        return true; /* a pseudo-terminal sends nothing then; a serial line does */
    step("flow", action);
    ioctl(terminal, TCXONC, action);
    our_flow(action);
    if (action == TCOON) /* Linux shows the kept echoes with the next output, we do at once */
        return is_equal("write", write(terminal, "-", 1), our_write("-", 1) == 1 ? 1 : -1) &&
               is_output_equal();
    return is_output_equal();
}

static bool apply(const struct settings *new)
{
    settle();
    modes = *new;
    if (ioctl(terminal, TCSETS, new))
        return is_equal("TCSETS", errno, 0);
    our_set(new);
    return is_output_equal();
}

static uint32_t some_of(uint32_t flags)
{
    return flags & (below(3) ? next() | next() : next());
}

static bool set_modes(void)
{
    static const uint8_t usual[19] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22};
    struct settings new = {.cflag = modes.cflag};
    bool was_canonical = modes.lflag & ICANON;

    new.iflag = some_of(ICRNL | IXON | IUTF8) |
                (below(3) ? 0 : some_of(IGNCR | INLCR | IXANY | ISTRIP | IUCLC | PARMRK | IMAXBEL));
    new.oflag =
        some_of(OPOST | ONLCR) | (below(3) ? 0 : some_of(OCRNL | ONOCR | ONLRET | XTABS | OLCUC));
    new.lflag = some_of(ICANON | ISIG | ECHO | ECHOE | ECHOK | ECHOKE | ECHOCTL | IEXTEN) |
                (below(3) ? 0 : some_of(ECHONL | ECHOPRT | NOFLSH));
    if (!our_is_writable()) { /* Linux processes the echoes of a stop later, we do at once */
        new.oflag = modes.oflag;
        new.iflag = (new.iflag & ~IUTF8) | (modes.iflag & IUTF8);
    }
    memcpy(new.cc, usual, sizeof(usual));
    new.cc[VMIN] = below(5);
    new.cc[VTIME] = below(4) ? 0 : below(5);
    if (below(3) == 0)
        new.cc[VEOL] = special[below(sizeof(special))];
    if (below(6) == 0)
        new.cc[below(19)] = special[below(sizeof(special))];
    step("modes: iflag", new.iflag);
    step("       oflag", new.oflag);
    step("       lflag", new.lflag);
    for (int i = 0; i < 19; i++)
        if (new.cc[i] != usual[i])
            step("       special", i << 8 | new.cc[i]);
    if (!was_canonical && (new.lflag &ICANON) && !flush())
        return false;
    return apply(&new);
}

/* ---- Runs ---- */

static void open_terminal(void)
{
    close(terminal);
    close(keyboard);
    keyboard = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (keyboard < 0 || grantpt(keyboard) || unlockpt(keyboard))
        terminal = -1;
    else
        terminal = open(ptsname(keyboard), O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (terminal < 0) {
        printf("ok - terminal # SKIP: no pseudo-terminal\n");
        exit(0);
    }
}

static bool do_step(void)
{
    switch (below(24)) {
    case 0:
        return set_modes();
    case 1:
        return print();
    case 2:
    case 3:
        return read_some();
    case 4:
        return ask();
    case 5:
        return below(4) ? ask() : flush();
    case 6:
        return below(3) ? print() : control_flow();
    default:
        return type();
    }
}

/* Brings both sides to the start: no input, output that is not stopped, at column 0. */
static bool start(void)
{
    static const struct settings first = {.cflag = CS8 | CREAD | CLOCAL | B38400,
                                          .cc = {[VMIN] = 1}};

    open_terminal();
    is_suspended = false;
    our_flow(TCOON);
    our_set(&first);
    our_flush_input();
    our_output_len = 0;
    if (ioctl(terminal, TCSETS, &first))
        return is_equal("TCSETS", errno, 0);
    struct settings cooked = first;
    cooked.oflag = OPOST;
    modes = cooked;
    ioctl(terminal, TCSETS, &cooked);
    our_set(&cooked);
    long n = write(terminal, "\r", 1);
    return is_equal("write", n, our_write("\r", 1)) && is_output_equal() && set_modes();
}

static bool run(uint64_t seed, unsigned steps)
{
    state = seed;
    bool is_good = start();
    for (unsigned i = 0; is_good && i < steps; i++)
        is_good = do_step();
    return is_good;
}

int main(int argc, char **argv)
{
    unsigned long seed = 1, seconds = 3, steps = 120, runs = 0;
    int option;

    while ((option = getopt(argc, argv, "s:t:n:v")) != -1) {
        if (option == 's')
            seed = strtoul(optarg, NULL, 0);
        else if (option == 't')
            seconds = strtoul(optarg, NULL, 0);
        else if (option == 'n')
            steps = strtoul(optarg, NULL, 0);
        else
            is_verbose = true;
    }
    if (!our_ring_flushes() || !our_ring_tells_of_overruns()) {
        printf("not ok - terminal: the input ring\n");
        return 1;
    }
    time_t end = time(NULL) + seconds;
    do {
        is_slow = false;
        if (!run(seed, steps)) {
            is_slow = true;
            if (!run(seed, steps)) {
                printf("not ok - terminal: differs from Linux: terminal -v -t 0 -s %lu\n", seed);
                return 1;
            }
        }
        seed++;
        runs++;
    } while (time(NULL) < end);
    printf("ok - terminal: %lu runs of %lu steps as on Linux, up to seed %lu\n", runs, steps,
           seed - 1);
    return 0;
}
