/* The line discipline (tty/line.h).

   The input ring holds, from the oldest byte on: input that may be read [head, committed), and the
   line that is still being typed [committed, tail), which erasing can reach. In canonical mode the
   end of a line commits it; otherwise every byte is committed at once. ^D commits with a mark in
   place of a byte. A read stops at the mark; a read that begins at the mark returns 0, the end of
   input.

   Lock: line.lock (RANK_PIPE) guards everything here. */
#include <linux/errno.h>
#include <asm/signal.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <dev/input.h>
#include <dev/screen.h>
#include <lib/string.h>
#include <sched/poll.h>
#include <sched/waitq.h>
#include <tty/line.h>

#define INPUT_SIZE 4096u /* a power of two */

/* A mark in the input ring: ^D was typed here. */
#define END_MARK 0x100

/* The input ring, indexed by the low bits of the counts: bytes and END_MARKs. */
static uint16_t line_input[INPUT_SIZE]; /* (line.lock) */

static struct {
    struct spinlock lock;
    struct waitq readable;
    unsigned head, committed, tail; /* (lock) counts that only grow; at most INPUT_SIZE apart */
    struct termios termios;         /* (lock) */
    struct winsize winsize;         /* (lock) */
    unsigned hangups;               /* (lock) read at any time */
} line = {
    .lock = SPINLOCK(RANK_PIPE),
    .readable = WAITQ(line.readable),
    .termios =
        {
            .c_iflag = ICRNL | IXON | IMAXBEL | IUTF8,
            .c_oflag = OPOST | ONLCR,
            .c_cflag = B115200 | CS8 | CREAD | CLOCAL,
            .c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
            .c_cc =
                {
                    [VINTR] = 0x03,
                    [VQUIT] = 0x1c,
                    [VERASE] = 0x7f,
                    [VKILL] = 0x15,
                    [VEOF] = 0x04,
                    [VMIN] = 1,
                    [VSUSP] = 0x1a,
                    [VWERASE] = 0x17,
                },
        },
    .winsize = {.ws_row = 24, .ws_col = 80},
};

/* ---- Output ---- */

static bool has_lflag(tcflag_t flags)
{
    return (line.termios.c_lflag & flags) == flags;
}

/* Prints each NL as CR NL. */
static void write_crlf(const char *text, size_t len)
{
    for (size_t start = 0, i = 0; i <= len; i++) {
        bool is_newline = i < len && text[i] == '\n';
        if (i < len && !is_newline)
            continue;
        console_write(text + start, i - start);
        if (is_newline)
            console_write("\r\n", 2);
        start = i + 1;
    }
}

static bool makes_crlf(void)
{
    return (line.termios.c_oflag & (OPOST | ONLCR)) == (OPOST | ONLCR);
}

void line_write(const char *buf, size_t len)
{
    spin_lock(&line.lock);
    bool crlf = makes_crlf();
    spin_unlock(&line.lock);
    if (crlf)
        write_crlf(buf, len);
    else
        console_write(buf, len);
    screen_refresh();
}

bool line_stops_writers(void)
{
    spin_lock(&line.lock);
    bool stops = has_lflag(TOSTOP);
    spin_unlock(&line.lock);
    return stops;
}

static bool is_control(uint8_t c)
{
    return (c < ' ' && c != '\t' && c != '\n') || c == 0x7f;
}

/* Shows a byte that was typed: a control character as ^X, a tab as one blank. So the width of each
   is known when it is erased, wherever on the screen it stands. */
static void echo(uint8_t c)
{
    char text[2] = {c, 0};
    size_t len = 1;

    if (!has_lflag(ECHO) && !(c == '\n' && has_lflag(ECHONL | ICANON)))
        return;
    if (c == '\t' && has_lflag(ICANON)) {
        text[0] = ' ';
    } else if (is_control(c) && has_lflag(ECHOCTL)) {
        text[0] = '^';
        text[1] = c ^ 0x40;
        len = 2;
    }
    if (makes_crlf())
        write_crlf(text, len);
    else
        console_write(text, len);
}

static void echo_erase(uint8_t c)
{
    if (!has_lflag(ECHO))
        return;
    console_write("\b \b", 3);
    if (is_control(c) && has_lflag(ECHOCTL))
        console_write("\b \b", 3);
}

/* ---- Input: one byte at a time; line.lock is held ---- */

static uint16_t *input_at(unsigned n)
{
    return &line_input[n % INPUT_SIZE];
}

static void commit(void)
{
    line.committed = line.tail;
    waitq_wake_all(&line.readable);
}

static void add(uint16_t c)
{
    *input_at(line.tail++) = c;
}

/* The last place is kept for the end of a line. */
static bool has_room_for_end(void)
{
    return line.tail - line.head < INPUT_SIZE;
}

static bool has_room(void)
{
    return line.tail - line.head < INPUT_SIZE - 1;
}

static void ring_bell(void)
{
    if (line.termios.c_iflag & IMAXBEL)
        console_write("\a", 1);
}

static void drop_input(void)
{
    line.head = line.committed = line.tail;
    input_retry();
}

/* Erases the last character of the line: a byte, or in UTF-8 mode a whole sequence. Returns false
   if the line is empty. */
static bool erase_character(void)
{
    uint16_t c;

    if (line.tail == line.committed)
        return false;
    do {
        c = *input_at(--line.tail);
    } while ((c & 0xc0) == 0x80 && (line.termios.c_iflag & IUTF8) && line.tail != line.committed);
    echo_erase(c);
    return true;
}

static bool line_ends_with_blank(void)
{
    return line.tail != line.committed && *input_at(line.tail - 1) == ' ';
}

/* Erases the blanks at the end of the line, and the word before them. */
static void erase_word(void)
{
    while (line_ends_with_blank())
        erase_character();
    while (line.tail != line.committed && !line_ends_with_blank())
        erase_character();
}

/* Returns true if `c` is the special character `index` (VINTR, ...), which 0 disables. */
static bool is_special(uint8_t c, unsigned index)
{
    return c != 0 && c == line.termios.c_cc[index];
}

/* Returns the signal that `c` asks for, or 0. */
static int signal_of(uint8_t c)
{
    if (!has_lflag(ISIG))
        return 0;
    if (is_special(c, VINTR))
        return SIGINT;
    if (is_special(c, VQUIT))
        return SIGQUIT;
    return is_special(c, VSUSP) ? SIGTSTP : 0;
}

/* BS and VERASE both erase, because terminals send either. */
static bool is_erase(uint8_t c)
{
    return is_special(c, VERASE) || c == '\b';
}

static bool is_editing(uint8_t c)
{
    return is_erase(c) || is_special(c, VWERASE) || is_special(c, VKILL);
}

/* Returns true for a typed character that ends the line; ^D also ends it, with a mark. */
static bool ends_line(uint8_t c)
{
    return c == '\n' || is_special(c, VEOL) || is_special(c, VEOL2);
}

static void edit_line(uint8_t c)
{
    if (is_erase(c)) {
        erase_character();
    } else if (is_special(c, VWERASE)) {
        erase_word();
    } else {
        while (erase_character())
            ;
    }
}

static void receive_canonical(uint8_t c)
{
    bool is_end = is_special(c, VEOF);

    if (is_editing(c)) {
        edit_line(c);
    } else if (is_end || ends_line(c) ? !has_room_for_end() : !has_room()) {
        ring_bell();
    } else if (is_end) {
        add(END_MARK);
        commit();
    } else {
        echo(c);
        add(c);
        if (ends_line(c))
            commit();
    }
}

/* Maps CR and NL as c_iflag says. Returns -1 if the character is dropped. */
static int map_newline(uint8_t c)
{
    tcflag_t flags = line.termios.c_iflag;

    if (c == '\r' && (flags & IGNCR))
        return -1;
    if (c == '\r' && (flags & ICRNL))
        return '\n';
    return c == '\n' && (flags & INLCR) ? '\r' : c;
}

static int receive_locked(uint8_t byte)
{
    int c = map_newline(byte);

    if (c < 0)
        return 0;
    int signo = signal_of(c);
    if (signo) {
        if (!has_lflag(NOFLSH))
            drop_input();
        echo(c);
    } else if (has_lflag(ICANON)) {
        receive_canonical(c);
    } else if (!has_room()) {
        ring_bell();
    } else {
        echo(c);
        add(c);
        commit();
    }
    return signo;
}

/* An unfinished line that fills the ring is no reason to wait: no program can read it. */
static bool accepts_locked(uint8_t byte)
{
    int c = map_newline(byte);

    if (c < 0 || signal_of(c))
        return true;
    if (!has_lflag(ICANON))
        return has_room();
    if (is_editing(c) || line.committed == line.head)
        return true;
    return ends_line(c) || is_special(c, VEOF) ? has_room_for_end() : has_room();
}

bool line_accepts(uint8_t byte)
{
    spin_lock(&line.lock);
    bool accepts = accepts_locked(byte);
    spin_unlock(&line.lock);
    return accepts;
}

bool line_is_flushed_by(uint8_t byte)
{
    spin_lock(&line.lock);
    int c = map_newline(byte);
    bool is_flushed = c >= 0 && signal_of(c) && !has_lflag(NOFLSH);
    spin_unlock(&line.lock);
    return is_flushed;
}

int line_receive(uint8_t byte)
{
    spin_lock(&line.lock);
    int signo = receive_locked(byte);
    spin_unlock(&line.lock);
    screen_refresh(); /* the echo */
    poll_notify();
    return signo;
}

/* ---- Reading ---- */

static bool is_line_end(uint16_t c)
{
    return c == END_MARK || ends_line(c);
}

/* Takes a line, or `len` bytes of it. A mark right after a full buffer ends this read, so that it
   does not end the next one. */
static size_t take_line(char *buf, size_t len)
{
    size_t n = 0;

    while (line.head != line.committed) {
        uint16_t c = *input_at(line.head);
        if (n == len && c != END_MARK)
            break;
        line.head++;
        if (c != END_MARK)
            buf[n++] = c;
        if (is_line_end(c))
            break;
    }
    return n;
}

/* Takes bytes without regard to lines. */
static size_t take_bytes(char *buf, size_t len)
{
    size_t n = 0;

    while (n < len && line.head != line.committed) {
        uint16_t c = *input_at(line.head++);
        if (c != END_MARK)
            buf[n++] = c;
    }
    return n;
}

/* Returns how many bytes a read of `len` waits for. */
static size_t read_minimum(size_t len)
{
    return has_lflag(ICANON) ? 1 : min((size_t)line.termios.c_cc[VMIN], len);
}

static size_t available(void)
{
    return line.committed - line.head;
}

/* Returns the time at which a read that found `len` bytes gives up. In canonical mode it never
   does. Otherwise VTIME counts, in tenths of a second: if VMIN is 0 from the start of the read,
   else from the last byte. */
static uint64_t read_deadline(size_t len)
{
    uint64_t tenths = line.termios.c_cc[VTIME];
    bool is_minimum = line.termios.c_cc[VMIN] > 0;

    if (has_lflag(ICANON) || (is_minimum && (tenths == 0 || len == 0)))
        return UINT64_MAX;
    return clock_monotonic_ns() + tenths * 100000000ul;
}

static bool is_read_hung_up(unsigned hangups)
{
    return hangups != LINE_NEVER && hangups != line.hangups;
}

/* Waits until the read can return, or returns an error: -EAGAIN, -EINTR. */
static int wait_for_input(size_t len, bool nonblock, unsigned hangups)
{
    size_t seen = available();
    uint64_t deadline_ns = read_deadline(seen);
    int err = 0;

    while (!err && !is_read_hung_up(hangups) && available() < max(read_minimum(len), 1ul)) {
        if (nonblock)
            return available() > 0 || deadline_ns != UINT64_MAX ? 0 : -EAGAIN;
        err = waitq_sleep_until(&line.readable, &line.lock, deadline_ns);
        if (available() == seen)
            continue;
        seen = available();
        deadline_ns = read_deadline(seen);
    }
    return err == -ETIMEDOUT ? 0 : err;
}

ssize_t line_read(char *buf, size_t len, bool nonblock, unsigned hangups)
{
    spin_lock(&line.lock);
    ssize_t n = wait_for_input(len, nonblock, hangups);
    if (n == 0 && !is_read_hung_up(hangups))
        n = has_lflag(ICANON) ? take_line(buf, len) : take_bytes(buf, len);
    input_retry();
    spin_unlock(&line.lock);
    return n;
}

void line_hangup(void)
{
    spin_lock(&line.lock);
    line.hangups = (line.hangups + 1) % LINE_NEVER;
    waitq_wake_all(&line.readable);
    spin_unlock(&line.lock);
    poll_notify();
}

unsigned line_hangups(void)
{
    return atomic_load_relaxed(&line.hangups);
}

size_t line_input_len(void)
{
    spin_lock(&line.lock);
    size_t len = available();
    spin_unlock(&line.lock);
    return len;
}

bool line_is_readable(void)
{
    return line_input_len() > 0;
}

/* ---- Settings ---- */

void line_get_termios(struct termios *termios)
{
    spin_lock(&line.lock);
    *termios = line.termios;
    spin_unlock(&line.lock);
}

/* Handles unread input once more, as if it were typed now: bytes that came before canonical mode
   are echoed, can be erased, and end lines. Returns the last signal that they ask for, or 0. */
static int receive_again(void)
{
    unsigned from = line.head, to = line.tail;
    int signo = 0;

    line.committed = line.tail = from;
    for (; from != to; from++) { /* a byte adds at most one, so `tail` stays behind `from` */
        int asked = receive_locked(*input_at(from));
        signo = asked ? asked : signo;
    }
    return signo;
}

int line_set_termios(const struct termios *termios, enum line_unread unread)
{
    int signo = 0;

    spin_lock(&line.lock);
    bool was_canonical = has_lflag(ICANON);
    line.termios = *termios;
    if (unread == LINE_DROP)
        drop_input();
    if (!has_lflag(ICANON))
        commit(); /* an unfinished line can be read at once */
    else if (!was_canonical)
        signo = receive_again();
    input_retry();
    spin_unlock(&line.lock);
    screen_refresh();
    poll_notify();
    return signo;
}

void line_flush_input(void)
{
    spin_lock(&line.lock);
    drop_input();
    spin_unlock(&line.lock);
}

void line_get_winsize(struct winsize *size)
{
    spin_lock(&line.lock);
    *size = line.winsize;
    spin_unlock(&line.lock);
}

bool line_set_winsize(const struct winsize *size)
{
    spin_lock(&line.lock);
    bool changed = memcmp(&line.winsize, size, sizeof(*size)) != 0;
    line.winsize = *size;
    spin_unlock(&line.lock);
    return changed;
}
