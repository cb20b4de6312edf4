/* The line discipline.

       serial line --interrupt--> raw ring --thread--> input ring --read--> program
       keyboard    --interrupt-/                 \--> echo, signals

   The input ring holds, from the oldest on: what may be read [head, committed), and the line that
   is still being typed [committed, tail), which erasing can reach. In canonical mode a line is
   committed by its end; without it every byte is committed at once. ^D commits with a mark in place
   of a byte: a reader stops there, and finds nothing before it at the end of the input.

   Locks: raw.lock (RANK_INTERRUPT, with interrupts off) guards the raw ring; tty.lock (RANK_PIPE) all the
   rest. Nobody takes one under the other, and proc/ (struct tty_jobs) is called without either. */
#include <linux/errno.h>
#include <asm/signal.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <arch/irq.h>
#include <dev/screen.h>
#include <dev/tty.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <sched/poll.h>
#include <sched/thread.h>

#define RAW_SIZE   1024u /* powers of two */
#define INPUT_SIZE 4096u

/* In the input ring, where ^D was typed. */
#define END_MARK 0x100

/* What has been typed. The counts only grow; the ring index is their low bits. */
static struct {
    struct spinlock lock;
    struct waitq received;
    unsigned head, tail;     /* (lock) */
    uint8_t bytes[RAW_SIZE]; /* (lock) */
} raw = {.lock = SPINLOCK(RANK_INTERRUPT), .received = WAITQ(raw.received)};

static struct {
    struct spinlock lock;
    struct waitq readable;
    unsigned head, committed, tail; /* (lock) as above; at most INPUT_SIZE apart */
    uint16_t input[INPUT_SIZE];     /* (lock) bytes and END_MARKs */
    struct termios termios;         /* (lock) */
    struct winsize winsize;         /* (lock) */
    unsigned hangups;               /* (lock) readable at any time */
} tty = {.lock = SPINLOCK(RANK_PIPE), .readable = WAITQ(tty.readable)};

static const struct tty_jobs *tty_jobs; /* set once, at boot */

/* ---- Output ---- */

static bool has_lflag(tcflag_t flags)
{
    return (tty.termios.c_lflag & flags) == flags;
}

/* Sends text with each NL as CR NL, if `crlf`. */
static void send(const char *text, size_t len, bool crlf)
{
    for (size_t start = 0, i = 0; i <= len; i++) {
        bool is_newline = crlf && i < len && text[i] == '\n';
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
    return (tty.termios.c_oflag & (OPOST | ONLCR)) == (OPOST | ONLCR);
}

int tty_write(const char *buf, size_t len)
{
    spin_lock(&tty.lock);
    bool crlf = makes_crlf(), checked = has_lflag(TOSTOP);
    spin_unlock(&tty.lock);
    int err = checked ? tty_check(SIGTTOU) : 0;
    if (!err)
        send(buf, len, crlf);
    screen_refresh();
    return err;
}

static bool is_control(uint8_t c)
{
    return (c < ' ' && c != '\t' && c != '\n') || c == 0x7f;
}

/* Shows a byte that was typed: control characters as ^X, a tab as one blank, so that both can be
   rubbed out without knowing where on the screen they stand. */
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
    send(text, len, makes_crlf());
}

static void echo_rubout(uint8_t c)
{
    if (!has_lflag(ECHO))
        return;
    send("\b \b", 3, false);
    if (is_control(c) && has_lflag(ECHOCTL))
        send("\b \b", 3, false);
}

/* ---- Input: one byte at a time; tty.lock is held ---- */

static uint16_t *input_at(unsigned n)
{
    return &tty.input[n % INPUT_SIZE];
}

static void commit(void)
{
    tty.committed = tty.tail;
    waitq_wake_all(&tty.readable);
}

/* The last place is kept for the end of the line. */
static bool has_room(bool ends_line)
{
    return tty.tail - tty.head < INPUT_SIZE - (ends_line ? 0 : 1);
}

static void add(uint16_t c, bool ends_line)
{
    if (!has_room(ends_line))
        return;
    *input_at(tty.tail++) = c;
    if (ends_line)
        commit();
}

static void flush_input(void)
{
    tty.head = tty.committed = tty.tail;
}

/* Takes the last byte of the line back; of a UTF-8 sequence, its bytes all. False: the line is
   empty. */
static bool rub_out(void)
{
    uint16_t c;

    if (tty.tail == tty.committed)
        return false;
    do {
        c = *input_at(--tty.tail);
    } while ((c & 0xc0) == 0x80 && (tty.termios.c_iflag & IUTF8) && tty.tail != tty.committed);
    echo_rubout(c);
    return true;
}

static bool line_ends_with_blank(void)
{
    return tty.tail != tty.committed && *input_at(tty.tail - 1) == ' ';
}

/* The blanks at the end of the line, and the word before them. */
static void rub_out_word(void)
{
    while (line_ends_with_blank())
        rub_out();
    while (tty.tail != tty.committed && !line_ends_with_blank())
        rub_out();
}

/* Whether `c` is what is set for `index` (VINTR, ...); 0 there means none. */
static bool is_special(uint8_t c, unsigned index)
{
    return c != 0 && c == tty.termios.c_cc[index];
}

/* The signal that `c` asks for, or 0. */
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

/* Rubbing out; true if `c` was that. Both keys that terminals have for it will do. */
static bool edit(uint8_t c)
{
    if (is_special(c, VERASE) || c == '\b') {
        rub_out();
    } else if (is_special(c, VWERASE)) {
        rub_out_word();
    } else if (is_special(c, VKILL)) {
        while (rub_out())
            ;
    } else {
        return false;
    }
    return true;
}

static void receive_canonical(uint8_t c)
{
    bool ends_line = c == '\n' || is_special(c, VEOL) || is_special(c, VEOL2);

    if (edit(c))
        return;
    if (is_special(c, VEOF)) {
        add(END_MARK, true);
        return;
    }
    if (has_room(ends_line))
        echo(c);
    add(c, ends_line);
}

/* CR and NL as c_iflag has them; -1: nothing is left of it. */
static int map_newline(uint8_t c)
{
    tcflag_t flags = tty.termios.c_iflag;

    if (c == '\r' && (flags & IGNCR))
        return -1;
    if (c == '\r' && (flags & ICRNL))
        return '\n';
    return c == '\n' && (flags & INLCR) ? '\r' : c;
}

/* Works on one byte; returns the signal that it asks for, or 0. */
static int receive_locked(uint8_t byte)
{
    int c = map_newline(byte);

    if (c < 0)
        return 0;
    int signo = signal_of(c);
    if (signo) {
        if (!has_lflag(NOFLSH))
            flush_input();
        echo(c);
    } else if (has_lflag(ICANON)) {
        receive_canonical(c);
    } else {
        echo(c);
        add(c, true);
    }
    return signo;
}

void tty_type(uint8_t byte)
{
    spin_lock(&tty.lock);
    int signo = receive_locked(byte);
    spin_unlock(&tty.lock);

    if (signo)
        tty_jobs->signal(signo);
    screen_refresh();
    poll_notify();
}

/* ---- From the line to the discipline ---- */

/* raw.lock is held. */
static void add_raw_byte(uint8_t byte)
{
    if (raw.tail - raw.head < RAW_SIZE)
        raw.bytes[raw.tail++ % RAW_SIZE] = byte;
}

void tty_interrupt(void)
{
    bool irq = spin_lock_irq(&raw.lock);
    int c;

    while ((c = serial_read()) >= 0)
        add_raw_byte(c);
    waitq_wake_one(&raw.received);
    spin_unlock_irq(&raw.lock, irq);
}

void tty_receive(const char *bytes, size_t len)
{
    bool irq = spin_lock_irq(&raw.lock);

    for (size_t i = 0; i < len; i++)
        add_raw_byte(bytes[i]);
    waitq_wake_one(&raw.received);
    spin_unlock_irq(&raw.lock, irq);
}

static uint8_t next_raw_byte(void)
{
    bool irq = spin_lock_irq(&raw.lock);

    while (raw.head == raw.tail)
        waitq_sleep_hard(&raw.received, &raw.lock);
    uint8_t c = raw.bytes[raw.head++ % RAW_SIZE];
    spin_unlock_irq(&raw.lock, irq);
    return c;
}

static __noreturn void tty_thread(void *arg __unused)
{
    for (;;)
        tty_type(next_raw_byte());
}

/* ---- Reading ---- */

static bool is_line_end(uint16_t c)
{
    return c == '\n' || c == END_MARK || is_special(c, VEOL) || is_special(c, VEOL2);
}

/* Takes a line, or `len` bytes of it. A mark that follows what fills the buffer ends this read, not
   the next one. */
static size_t take_line(char *buf, size_t len)
{
    size_t n = 0;

    while (tty.head != tty.committed) {
        uint16_t c = *input_at(tty.head);
        if (n == len && c != END_MARK)
            break;
        tty.head++;
        if (c != END_MARK)
            buf[n++] = c;
        if (is_line_end(c))
            break;
    }
    return n;
}

/* Takes bytes, whatever they are. */
static size_t take_bytes(char *buf, size_t len)
{
    size_t n = 0;

    while (n < len && tty.head != tty.committed) {
        uint16_t c = *input_at(tty.head++);
        if (c != END_MARK)
            buf[n++] = c;
    }
    return n;
}

/* Bytes that a read of `len` waits for. */
static size_t wanted(size_t len)
{
    return has_lflag(ICANON) ? 1 : min((size_t)tty.termios.c_cc[VMIN], len);
}

static size_t available(void)
{
    return tty.committed - tty.head;
}

/* Until when a read waits that has got `len` bytes so far. Without ICANON VTIME (tenths of a second) says it: without
   VMIN from the start on, with it from the last byte on. */
static uint64_t read_deadline(size_t len)
{
    uint64_t tenths = tty.termios.c_cc[VTIME];
    bool is_minimum = tty.termios.c_cc[VMIN] > 0;

    if (has_lflag(ICANON) || (is_minimum && (tenths == 0 || len == 0)))
        return UINT64_MAX;
    return clock_monotonic_ns() + tenths * 100000000ul;
}

static bool is_hung_up(unsigned hangups)
{
    return hangups != TTY_NEVER && hangups != tty.hangups;
}

/* Waits until there is something to read, or no more reason to wait. */
static int wait_for_input(size_t len, bool nonblock, unsigned hangups)
{
    size_t seen = available();
    uint64_t deadline_ns = read_deadline(seen);
    int err = 0;

    while (!err && !is_hung_up(hangups) && available() < max(wanted(len), 1ul)) {
        if (nonblock)
            return available() > 0 || deadline_ns != UINT64_MAX ? 0 : -EAGAIN;
        err = waitq_sleep_until(&tty.readable, &tty.lock, deadline_ns);
        if (available() == seen)
            continue;
        seen = available();
        deadline_ns = read_deadline(seen);
    }
    return err == -ETIMEDOUT ? 0 : err;
}

ssize_t tty_read(char *buf, size_t len, bool nonblock, unsigned hangups)
{
    spin_lock(&tty.lock);
    ssize_t n = wait_for_input(len, nonblock, hangups);
    if (n == 0 && !is_hung_up(hangups))
        n = has_lflag(ICANON) ? take_line(buf, len) : take_bytes(buf, len);
    spin_unlock(&tty.lock);
    return n;
}

void tty_hangup(void)
{
    spin_lock(&tty.lock);
    tty.hangups = (tty.hangups + 1) % TTY_NEVER;
    waitq_wake_all(&tty.readable);
    spin_unlock(&tty.lock);
    poll_notify();
}

unsigned tty_hangups(void)
{
    return atomic_load_relaxed(&tty.hangups);
}

size_t tty_input_len(void)
{
    spin_lock(&tty.lock);
    size_t len = available();
    spin_unlock(&tty.lock);
    return len;
}

bool tty_is_readable(void)
{
    return tty_input_len() > 0;
}

/* ---- Settings ---- */

void tty_get_termios(struct termios *termios)
{
    spin_lock(&tty.lock);
    *termios = tty.termios;
    spin_unlock(&tty.lock);
}

/* Works on what nobody has read yet once more, as if it was typed now: what came ahead of its time, while no lines
   were made, is shown, can be rubbed out, and ends lines. The last signal that it asks for, or 0. */
static int receive_again(void)
{
    unsigned from = tty.head, to = tty.tail;
    int signo = 0;

    tty.committed = tty.tail = from;
    for (; from != to; from++) { /* each byte makes at most one: none is overtaken */
        int asked = receive_locked(*input_at(from));
        signo = asked ? asked : signo;
    }
    return signo;
}

/* Without lines, what was typed of one can be read at once. */
void tty_set_termios(const struct termios *termios, bool flush)
{
    int signo = 0;

    spin_lock(&tty.lock);
    bool was_canonical = has_lflag(ICANON);
    tty.termios = *termios;
    if (flush)
        flush_input();
    if (!has_lflag(ICANON))
        commit();
    else if (!was_canonical)
        signo = receive_again();
    spin_unlock(&tty.lock);
    if (signo)
        tty_jobs->signal(signo);
    poll_notify();
}

void tty_flush_input(void)
{
    spin_lock(&tty.lock);
    flush_input();
    spin_unlock(&tty.lock);
}

void tty_get_winsize(struct winsize *size)
{
    spin_lock(&tty.lock);
    *size = tty.winsize;
    spin_unlock(&tty.lock);
}

void tty_set_winsize(const struct winsize *size)
{
    spin_lock(&tty.lock);
    bool changed = memcmp(&tty.winsize, size, sizeof(*size)) != 0;
    tty.winsize = *size;
    spin_unlock(&tty.lock);
    if (changed)
        tty_jobs->signal(SIGWINCH);
}

/* ---- Job control ---- */

void tty_set_jobs(const struct tty_jobs *jobs)
{
    tty_jobs = jobs;
}

int tty_check(int signo)
{
    return tty_jobs->check(signo);
}

bool tty_is_mine(void)
{
    return tty_jobs->is_mine();
}

int tty_jobs_ioctl(unsigned request, uaddr_t arg)
{
    return tty_jobs->ioctl(request, arg);
}

static const struct termios default_termios = {
    .c_iflag = ICRNL | IXON | IUTF8,
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
};

void tty_init(void)
{
    tty.termios = default_termios;
    tty.winsize = (struct winsize){.ws_row = 24, .ws_col = 80};
    struct thread *thread = thread_create(tty_thread, NULL);
    if (!thread)
        panic("tty: no memory for its thread");
    thread_start(thread);
    irq_route(SERIAL_IRQ);
    serial_listen();
}
