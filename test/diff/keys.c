/* Random bytes typed into a terminal in random modes.

       keys SEED FIRST COUNT

   The terminal is standard input and output, and the other side types what we ask for
   (tools/diff_keys.py). For each case we print

       <case NUMBER MODE TYPED,TYPED,...>    in raw mode: the mode, and in hexadecimal what to type
       <go>                                  in the mode of the case: type the next part now
       <end WHAT>                            in raw mode: what we were told and have read

   Every part but the last ends with a key that sends a signal, for which we wait; so a signal never
   flushes what another run has not received yet. Nothing is read before the last part. That one ends
   with an end of line which is typed nowhere else. */
#include "generator.h"

#include <stdlib.h>
#include <termios.h>

enum { SENTINEL = 0x1e, PARTS_MAX = 8, PART_BYTES = 64, CASE_SECONDS = 30 };

static struct termios raw;
static char told[4000]; /* what we were told and have read */
static size_t told_len;

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    size_t room = sizeof(told) - told_len;
    int len = vsnprintf(told + told_len, room, format, args);
    va_end(args);
    told_len += (size_t)len < room ? (size_t)len : room - 1;
}

static void print(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        _exit(3);
}

/* Choices. */

static struct termios any_mode(void)
{
    static const tcflag_t input[] = {ICRNL, INLCR, IGNCR,  ISTRIP,  IXON,
                                     IXANY, IUTF8, PARMRK, IMAXBEL, IUCLC};
    static const tcflag_t local[] = {ISIG,   ICANON,  ECHO,    ECHOE,  ECHOK,  ECHONL,
                                     NOFLSH, ECHOCTL, ECHOPRT, ECHOKE, IEXTEN, TOSTOP};
    static const int keys[] = {VERASE, VKILL, VINTR, VQUIT, VSUSP, VWERASE, VEOL2, VREPRINT, VEOF};
    static const cc_t values[] = {0, '#', '@', 'e', 0x01, 0x08, 0xc3};
    struct termios mode = raw;

    mode.c_oflag = one_in(4) ? 0
                             : OPOST | (one_in(4) ? 0 : ONLCR) | (one_in(8) ? OCRNL : 0) |
                                   (one_in(8) ? ONLRET : 0) | (one_in(8) ? ONOCR : 0);
    mode.c_iflag = one_in(2) ? ICRNL | IXON : 0;
    mode.c_lflag = one_in(4) ? 0 : ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    for (unsigned n = random_to(5); n > 0; n--)
        mode.c_iflag ^= ANY_OF(input);
    for (unsigned n = random_to(5); n > 0; n--)
        mode.c_lflag ^= ANY_OF(local);
    for (unsigned n = random_to(3); n > 0; n--)
        mode.c_cc[ANY_OF(keys)] = ANY_OF(values);
    if (one_in(2))
        mode.c_lflag |= NOFLSH;
    mode.c_cc[VEOL] = SENTINEL;
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    return mode;
}

static bool is_signal_key(const struct termios *mode, uint8_t c)
{
    static const int keys[] = {VINTR, VQUIT, VSUSP};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (c != 0 && mode->c_cc[keys[i]] == c)
            return true;
    return false;
}

struct part {
    uint8_t bytes[PART_BYTES];
    size_t len;
};

/* Chooses what is typed. Returns the number of parts. A plain letter stands before each key that
   sends a signal and before the end, because ^V may stand before it. */
static unsigned choose_parts(const struct termios *mode, struct part *parts)
{
    static const uint8_t keys[] = {'\n', '\r', '\t', 0x03, 0x04, 0x04, 0x08, 0x0f, 0x11, 0x12, 0x13,
                                   0x15, 0x16, 0x16, 0x17, 0x1a, 0x1c, 0x7f, 0x7f, 0x00, 0xff, 0x1b,
                                   '#',  '@',  ' ',  0xc3, 0xa9, 0xe2, 0x82, 0xac, 0x01, 'A',  'e'};
    unsigned n = 0, count = 1 + random_to(14);

    for (; count > 0; count--) {
        struct part *part = &parts[n];
        uint8_t c = one_in(3) ? 'a' + random_to(26) : one_in(8) ? random_word() : ANY_OF(keys);
        if (c == SENTINEL || c == (SENTINEL | 0x80))
            c = 'x';
        bool stripped = mode->c_iflag & ISTRIP;
        bool folded = (mode->c_iflag & IUCLC) && (mode->c_lflag & IEXTEN);
        if (folded && ((c >= 'A' && c <= 'Z') || c >= 0xc0))
            c = 'x'; /* it would become another byte, and perhaps a key, or none */
        bool signals = (mode->c_lflag & ISIG) && is_signal_key(mode, stripped ? c & 0x7f : c);
        if (signals) {
            if (n == PARTS_MAX - 1)
                continue;
            part->bytes[part->len++] = 'x';
            part->bytes[part->len++] = c;
            n++;
        } else {
            part->bytes[part->len++] = c;
        }
    }
    parts[n].bytes[parts[n].len++] = 'x';
    parts[n].bytes[parts[n].len++] = SENTINEL;
    return n + 1;
}

/* Signals. */

static volatile sig_atomic_t signals_seen;

static void handler(int number)
{
    signals_seen++;
    tell("signal %d;", number);
}

static void wait_signal(const sigset_t *open_mask, int before)
{
    while (signals_seen == before)
        sigsuspend(open_mask);
}

static void hang(int number)
{
    (void)number;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    print("<hang ");
    print(told);
    print(">\n");
    _exit(4);
}

/* Reads up to the sentinel. Without lines, how the bytes are cut into reads is chance. */
static void read_all(const struct termios *mode, size_t size)
{
    bool has_lines = mode->c_lflag & ICANON;
    uint8_t bytes[200];
    ssize_t n;

    do {
        n = read(STDIN_FILENO, bytes, size);
        if (n < 0) {
            tell("%s;", error_name(errno));
            return;
        }
        for (ssize_t i = 0; i < n; i++)
            tell("%02x", bytes[i]);
        if (has_lines)
            tell(";");
    } while (n == 0 || bytes[n - 1] != SENTINEL);
}

static void run_case(unsigned number, const sigset_t *blocked, const sigset_t *open_mask)
{
    struct part parts[PARTS_MAX] = {0};
    struct termios mode = any_mode();
    unsigned count = choose_parts(&mode, parts);
    size_t size = one_in(4) ? 1 + random_to(5) : 200;
    char header[2 * PARTS_MAX * PART_BYTES + 200];
    int len =
        snprintf(header, sizeof(header), "<case %u input=%#o output=%#o local=%#o keys=", number,
                 mode.c_iflag, mode.c_oflag, mode.c_lflag);

    for (unsigned i = 0; i <= VEOL2; i++)
        len += snprintf(header + len, sizeof(header) - len, "%02x", mode.c_cc[i]);
    len += snprintf(header + len, sizeof(header) - len, " size=%zu ", size);
    for (unsigned n = 0; n < count; n++) {
        for (size_t i = 0; i < parts[n].len; i++)
            len += snprintf(header + len, sizeof(header) - len, "%02x", parts[n].bytes[i]);
        len += snprintf(header + len, sizeof(header) - len, n + 1 < count ? "," : ">\n");
    }
    print(header);
    told_len = 0;
    told[0] = 0;
    alarm(CASE_SECONDS);
    sigprocmask(SIG_BLOCK, blocked, NULL);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &mode);
    for (unsigned n = 0; n + 1 < count; n++) {
        int before = signals_seen;
        print("\r<go>");
        wait_signal(open_mask, before);
    }
    sigprocmask(SIG_SETMASK, open_mask, NULL);
    print("\r<go>");
    read_all(&mode, size);
    mode.c_iflag &= ~IXON; /* shows what ^S has held back, as the mode wants it to be shown */
    tcsetattr(STDIN_FILENO, TCSANOW, &mode);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    print("<end ");
    print(told);
    print(">\n");
}

int main(int argc, char **argv)
{
    static const int signals[] = {SIGINT, SIGQUIT, SIGTSTP};
    struct termios before;
    sigset_t blocked, open_mask;
    pid_t group = getpgrp();

    if (argc != 4 || tcgetattr(STDIN_FILENO, &before) < 0) {
        print("usage: keys SEED FIRST COUNT, on a terminal\n");
        return 2;
    }
    /* The keys that send signals mean us alone, and not who started us. */
    signal(SIGTTOU, SIG_IGN);
    setpgid(0, 0);
    tcsetpgrp(STDIN_FILENO, getpid());
    sigprocmask(SIG_SETMASK, NULL, &open_mask);
    sigemptyset(&blocked);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
        sigaction(signals[i], &action, NULL);
        sigaddset(&blocked, signals[i]);
    }
    signal(SIGALRM, hang);
    raw = before;
    raw.c_iflag = raw.c_oflag = raw.c_lflag = 0;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    /* Both have the keys of Linux. */
    memcpy(raw.c_cc, "\x03\x1c\x7f\x15\x04\x00\x01\x00\x11\x13\x1a\x00\x12\x0f\x17\x16", 16);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    unsigned first = strtoul(argv[2], NULL, 0), count = strtoul(argv[3], NULL, 0);
    for (unsigned number = first; number < first + count; number++) {
        random_begin(strtoull(argv[1], NULL, 0), number, 0);
        run_case(number, &blocked, &open_mask);
    }
    print("<done>\n");
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    tcsetpgrp(STDIN_FILENO, group);
    return 0;
}
