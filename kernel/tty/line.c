/* The line discipline (tty/line.h), as Linux's n_tty has it: in any mode, typed bytes give the same
   echo and the same reads.

       line.c      what a typed byte means, reading, writing, settings
       echo.c      the line that is being typed: showing and erasing it
       output.c    processing by c_oflag, the cursor's column, stops
       receiver.c  the thread that brings the bytes

   In canonical mode the end of a line commits it; otherwise every byte is committed at once. ^D
   commits with a mark in place of a byte. A read stops at the mark; a read that begins at the mark
   returns 0, the end of input.

   Three things differ from Linux, for the person at the terminal. A line that is too long rings the
   bell. Unread input is typed again when canonical mode begins. A hangup ends a stop.

   Lock: line.lock (RANK_PIPE) guards everything here. It is held while a piece of output is sent,
   so that echoes do not get into it. */
#include <linux/errno.h>
#include <asm/signal.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <dev/input.h>
#include <dev/screen.h>
#include <lib/string.h>
#include <sched/poll.h>
#include <sched/thread.h>
#include <sched/waitq.h>
#include <tty/line.h>
#include "echo.h"

static struct {
    struct spinlock lock;
    struct waitq readable, writable;
    struct typed typed;     /* (lock) */
    struct winsize winsize; /* (lock) */
    unsigned hangups;       /* (lock) read at any time */
} line = {
    .lock = SPINLOCK(RANK_PIPE),
    .readable = WAITQ(line.readable),
    .writable = WAITQ(line.writable),
    .typed.termios =
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
                    [VSTART] = 0x11,
                    [VSTOP] = 0x13,
                    [VSUSP] = 0x1a,
                    [VREPRINT] = 0x12,
                    [VDISCARD] = 0x0f,
                    [VWERASE] = 0x17,
                    [VLNEXT] = 0x16,
                },
        },
    .winsize = {.ws_row = 24, .ws_col = 80},
};

static struct typed *const typed = &line.typed;

static struct poll_source line_polled = POLL_SOURCE(line_polled);

static bool has_lflag(tcflag_t flags)
{
    return has_lflags(typed, flags);
}

static bool has_iflag(tcflag_t flags)
{
    return (typed->termios.c_iflag & flags) == flags;
}

static bool is_canonical(void)
{
    return has_lflag(ICANON);
}

static bool is_hung_up(unsigned hangups)
{
    return hangups != LINE_NEVER && hangups != line.hangups;
}

/* ---- Output ---- */

/* Waits until the output is not stopped. */
static int wait_for_output(enum line_wait wait, unsigned hangups)
{
    int err = 0;

    while (!err) {
        if (is_hung_up(hangups))
            return -EIO;
        if (!typed->output.is_stopped)
            return 0;
        err = wait == LINE_NO_WAIT ? -EAGAIN : waitq_sleep(&line.writable, &line.lock);
    }
    return err;
}

int line_write(const char *buf, size_t len, enum line_wait wait, unsigned hangups)
{
    spin_lock(&line.lock);
    int err = wait_for_output(wait, hangups);
    for (size_t i = 0; !err && i < len; i++)
        output_put(&typed->output, &typed->termios, buf[i]);
    output_flush(&typed->output);
    spin_unlock(&line.lock);
    screen_refresh();
    return err;
}

bool line_is_writable(void)
{
    spin_lock(&line.lock);
    bool is_writable = !typed->output.is_stopped;
    spin_unlock(&line.lock);
    return is_writable;
}

bool line_stops_writers(void)
{
    spin_lock(&line.lock);
    bool stops = has_lflag(TOSTOP);
    spin_unlock(&line.lock);
    return stops;
}

static void start_output(void)
{
    if (typed->output.is_suspended)
        return;
    typed->output.is_stopped = false;
    output_flush(&typed->output);
    waitq_wake_all(&line.writable);
}

void line_suspend_output(void)
{
    spin_lock(&line.lock);
    typed->output.is_stopped = typed->output.is_suspended = true;
    spin_unlock(&line.lock);
}

void line_resume_output(void)
{
    spin_lock(&line.lock);
    if (typed->output.is_suspended) {
        typed->output.is_suspended = false;
        start_output();
    }
    spin_unlock(&line.lock);
    screen_refresh();
    poll_notify(&line_polled, POLL_WRITABLE);
}

void line_send_special(unsigned index)
{
    spin_lock(&line.lock);
    char c = typed->termios.c_cc[index];
    if (c)
        console_write(&c, 1);
    spin_unlock(&line.lock);
}

/* ---- Input: one byte at a time; line.lock is held ---- */

static void commit(void)
{
    typed->committed = typed->tail;
    waitq_wake_all(&line.readable);
}

static void add(uint16_t c)
{
    *typed_at(typed, typed->tail++) = c;
}

static unsigned typed_room(void)
{
    return TYPED_SIZE - (typed->tail - typed->head);
}

/* The last place is kept for the end of a line. */
static bool has_room_for_end(void)
{
    return typed_room() > 0;
}

/* PARMRK doubles a byte of all ones. */
static bool has_room(void)
{
    return typed_room() > (has_iflag(PARMRK) ? 2 : 1);
}

static void ring_bell(void)
{
    if (has_iflag(IMAXBEL))
        output_put_raw(&typed->output, '\a', 0);
}

static void drop_input(void)
{
    typed->head = typed->committed = typed->tail;
    typed->is_erasing = false;
    input_retry();
}

/* Returns true if `c` is the special character `index` (VINTR, ...), which 0 disables. */
static bool is_special(uint8_t c, unsigned index)
{
    return c != 0 && c == typed->termios.c_cc[index];
}

/* Returns true if `c` is a special character of those that IEXTEN enables. */
static bool is_extended(uint8_t c, unsigned index)
{
    return has_lflag(IEXTEN) && is_special(c, index);
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

static bool is_flow_control(uint8_t c)
{
    return has_iflag(IXON) && (is_special(c, VSTART) || is_special(c, VSTOP));
}

static void stop_or_start(uint8_t c)
{
    if (is_special(c, VSTART))
        start_output();
    else
        typed->output.is_stopped = true;
}

/* Returns true for characters that edit the line, and are not a part of it. */
static bool is_editing(uint8_t c)
{
    return is_special(c, VERASE) || is_special(c, VKILL) || is_extended(c, VWERASE) ||
           is_extended(c, VLNEXT) || (has_lflag(ECHO) && is_extended(c, VREPRINT));
}

/* Returns true for a typed character that ends the line; ^D also ends it, with a mark. */
static bool ends_line(uint8_t c)
{
    return c == '\n' || is_special(c, VEOL) || is_extended(c, VEOL2);
}

static void edit_line(uint8_t c)
{
    if (is_special(c, VERASE)) {
        erase_character(typed, c);
    } else if (is_special(c, VWERASE)) { /* Linux looks at IEXTEN only if it is not VKILL too */
        erase_word(typed, c);
    } else if (is_special(c, VKILL)) {
        erase_line(typed, c);
    } else if (is_extended(c, VLNEXT)) {
        typed->is_next_literal = true;
        echo_literal_next(typed);
    } else {
        echo_line(typed, c);
    }
}

static void receive_end(uint8_t c)
{
    if (is_special(c, VEOF) && c != '\n') {
        add(TYPED_EOF);
    } else if (c == '\n') {
        if (has_lflag(ECHO) || has_lflag(ECHONL))
            echo_newline(typed);
        add(TYPED_END | c);
    } else {
        echo_end(typed, c);
        if (c == 0xff && has_iflag(PARMRK))
            add(c);
        add(TYPED_END | c);
    }
    commit();
}

/* Receives a byte that has no meaning of its own. */
static void receive_plain(uint8_t c)
{
    if (!has_room()) {
        ring_bell();
        return;
    }
    echo_typed(typed, c);
    if (c == 0xff && has_iflag(PARMRK))
        add(c);
    add(c);
    if (!is_canonical())
        commit();
}

/* Without canonical mode, a CR that ICRNL maps is shown as a new line, and a NL as ^J. */
static void receive_mapped_newline(void)
{
    if (!has_room()) {
        ring_bell();
        return;
    }
    if (has_lflag(ECHO))
        echo_newline(typed);
    add('\n');
    commit();
}

/* Maps CR and NL as c_iflag says. Returns -1 if the character is dropped. */
static int map_newline(uint8_t c)
{
    if (c == '\r' && has_iflag(IGNCR))
        return -1;
    if (c == '\r' && has_iflag(ICRNL))
        return '\n';
    return c == '\n' && has_iflag(INLCR) ? '\r' : c;
}

static bool is_upper(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7);
}

/* Maps a byte as ISTRIP and IUCLC say. */
static uint8_t map_byte(uint8_t c)
{
    if (has_iflag(ISTRIP))
        c &= 0x7f;
    if (has_iflag(IUCLC) && has_lflag(IEXTEN) && is_upper(c))
        c += 'a' - 'A';
    return c;
}

/* With NOFLSH, what was typed and echoed before stays. */
static void receive_signal(uint8_t c)
{
    if (!has_lflag(NOFLSH)) {
        drop_input();
        output_drop(&typed->output);
    }
    if (has_iflag(IXON))
        start_output();
    echo_end(typed, c);
}

/* Receives a byte that is neither a signal nor flow control. */
static void receive_text(uint8_t byte)
{
    int c = map_newline(byte);

    if (c < 0)
        return;
    if (!is_canonical()) {
        if (c == '\n' && byte == '\r')
            receive_mapped_newline();
        else
            receive_plain(c);
    } else if (is_editing(c)) {
        edit_line(c);
    } else if (!ends_line(c) && !is_special(c, VEOF)) {
        receive_plain(c);
    } else if (has_room_for_end()) {
        receive_end(c);
    } else {
        ring_bell();
    }
}

static void restart_by_any(void)
{
    if (has_iflag(IXON | IXANY))
        start_output();
}

/* Handles a byte. Returns the signal that it asks for, or 0. */
static int receive_locked(uint8_t byte, enum line_flow flow)
{
    uint8_t c = map_byte(byte);
    int signo = 0;

    if (typed->is_next_literal) {
        typed->is_next_literal = false;
        restart_by_any();
        receive_plain(c);
    } else if (is_flow_control(c)) {
        if (flow == LINE_CONTROLS)
            stop_or_start(c);
    } else if ((signo = signal_of(c))) {
        receive_signal(c);
    } else {
        restart_by_any();
        receive_text(c);
    }
    output_flush(&typed->output);
    return signo;
}

/* An unfinished line that fills the ring is no reason to wait: no program can read it. */
static bool accepts_locked(uint8_t byte)
{
    int c = map_byte(byte);

    if (!typed->is_next_literal && (is_flow_control(c) || signal_of(c)))
        return true;
    if (!is_canonical())
        return map_newline(c) < 0 || has_room();
    if (typed->committed == typed->head)
        return true;
    if (typed->is_next_literal)
        return has_room();
    c = map_newline(c);
    if (c < 0 || is_editing(c))
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
    bool is_flushed = signal_of(map_byte(byte)) && !has_lflag(NOFLSH);
    spin_unlock(&line.lock);
    return is_flushed;
}

void line_look_ahead(uint8_t byte)
{
    spin_lock(&line.lock);
    uint8_t c = map_byte(byte);
    if (is_flow_control(c))
        stop_or_start(c);
    spin_unlock(&line.lock);
    poll_notify(&line_polled, POLL_WRITABLE);
}

int line_receive(uint8_t byte, enum line_flow flow)
{
    spin_lock(&line.lock);
    int signo = receive_locked(byte, flow);
    spin_unlock(&line.lock);
    screen_refresh(); /* the echo */
    poll_notify(&line_polled, POLL_ANY);
    return signo;
}

/* ---- Reading ---- */

static size_t available(void)
{
    return typed->committed - typed->head;
}

/* Takes a line, or `len` bytes of it. A mark right after a full buffer ends this read, so that it
   does not end the next one. */
static size_t take_line(char *buf, size_t len)
{
    size_t n = 0;

    while (available() > 0) {
        uint16_t c = *typed_at(typed, typed->head);
        if (n == len && c != TYPED_EOF)
            break;
        typed->head++;
        if (c != TYPED_EOF)
            buf[n++] = c;
        if (c & TYPED_END)
            break;
    }
    return n;
}

/* Takes bytes without regard to lines. */
static size_t take_bytes(char *buf, size_t len)
{
    size_t n = 0;

    while (n < len && available() > 0)
        buf[n++] = *typed_at(typed, typed->head++);
    return n;
}

/* The rules by which a read ends, as they are when it begins. In canonical mode a line ends it. */
struct read_rules {
    size_t minimum;    /* the bytes that are waited for */
    uint64_t first_ns; /* VTIME, if it counts from the start of the read; UINT64_MAX: no limit */
    uint64_t next_ns;  /* VTIME, if it counts from the last byte; UINT64_MAX: no limit */
};

static struct read_rules read_rules(size_t len)
{
    struct read_rules rules = {.first_ns = UINT64_MAX, .next_ns = UINT64_MAX};
    uint64_t time_ns = typed->termios.c_cc[VTIME] * 100000000ul;
    size_t minimum = typed->termios.c_cc[VMIN];

    if (is_canonical())
        return rules;
    rules.minimum = min(max(minimum, 1ul), len);
    if (minimum == 0)
        rules.first_ns = time_ns;
    else if (time_ns)
        rules.next_ns = time_ns;
    return rules;
}

static uint64_t deadline_after(uint64_t duration_ns)
{
    return duration_ns == UINT64_MAX ? UINT64_MAX : clock_monotonic_ns() + duration_ns;
}

/* Sleeps until there may be a byte. Ctrl-Z ends the sleep of a job; a byte is typed; the job runs,
   and would take the byte from the shell before it stops. So a signal comes before a byte. */
static int sleep_for_byte(uint64_t deadline_ns)
{
    int err = waitq_sleep_until(&line.readable, &line.lock, deadline_ns);

    return err != -EINTR && thread_is_interrupted() ? -EINTR : err;
}

/* Waits for a byte. Returns 0 if there is one; -ETIMEDOUT, -EAGAIN, -EINTR; -EIO: hung up. */
static int wait_for_byte(enum line_wait wait, unsigned hangups, uint64_t deadline_ns)
{
    int err = 0;

    while (!err && available() == 0) {
        if (is_hung_up(hangups))
            err = -EIO;
        else if (deadline_ns <= clock_monotonic_ns())
            err = -ETIMEDOUT;
        else if (wait == LINE_NO_WAIT)
            err = -EAGAIN;
        else
            err = sleep_for_byte(deadline_ns);
    }
    return available() > 0 && err != -EINTR ? 0 : err;
}

static ssize_t line_read_locked(char *buf, size_t len, enum line_wait wait, unsigned hangups)
{
    const struct read_rules rules = read_rules(len);
    uint64_t deadline_ns = deadline_after(rules.first_ns);
    size_t done = 0;
    int err;

    while (!(err = wait_for_byte(wait, hangups, deadline_ns))) {
        if (is_canonical())
            done += take_line(buf + done, len - done);
        else
            done += take_bytes(buf + done, len - done);
        input_retry();
        if (done >= rules.minimum)
            break;
        deadline_ns = deadline_after(rules.next_ns);
    }
    if (done > 0 || err == -ETIMEDOUT || err == -EIO)
        return done;
    return err;
}

ssize_t line_read(char *buf, size_t len, enum line_wait wait, unsigned hangups)
{
    spin_lock(&line.lock);
    ssize_t n = is_hung_up(hangups) ? 0 : line_read_locked(buf, len, wait, hangups);
    spin_unlock(&line.lock);
    return n;
}

struct poll_source *line_poll_source(void)
{
    return &line_polled;
}

void line_hangup(void)
{
    spin_lock(&line.lock);
    line.hangups = (line.hangups + 1) % LINE_NEVER;
    waitq_wake_all(&line.readable);
    typed->output.is_suspended = false;
    start_output(); /* wakes writers too */
    spin_unlock(&line.lock);
    poll_notify(&line_polled, POLL_ANY);
}

unsigned line_hangups(void)
{
    return atomic_load_relaxed(&line.hangups);
}

size_t line_input_len(void)
{
    spin_lock(&line.lock);
    size_t len = available();
    for (unsigned n = typed->head; n != typed->committed; n++) /* at most TYPED_SIZE */
        len -= is_canonical() && *typed_at(typed, n) == TYPED_EOF;
    spin_unlock(&line.lock);
    return len;
}

/* VMIN counts only without VTIME, as on Linux: with it, a read may end before. */
bool line_is_readable(void)
{
    spin_lock(&line.lock);
    const cc_t *cc = typed->termios.c_cc;
    size_t minimum = !is_canonical() && cc[VTIME] == 0 && cc[VMIN] ? cc[VMIN] : 1;
    bool is_readable = available() >= minimum;
    spin_unlock(&line.lock);
    return is_readable;
}

/* ---- Settings ---- */

void line_get_termios(struct termios *termios)
{
    spin_lock(&line.lock);
    *termios = typed->termios;
    spin_unlock(&line.lock);
}

/* Handles unread input once more, as if it were typed now: bytes that came before canonical mode
   are echoed, can be erased, and end lines. What PARMRK doubled is not doubled again. Returns the
   last signal that the bytes ask for, or 0. */
static int receive_again(void)
{
    unsigned from = typed->head, to = typed->tail;
    tcflag_t parmrk = typed->termios.c_iflag & PARMRK;
    int signo = 0;

    typed->termios.c_iflag &= ~PARMRK;
    typed->committed = typed->tail = from;
    for (; from != to; from++) { /* a byte adds at most one, so `tail` stays behind `from` */
        int asked = receive_locked(*typed_at(typed, from), LINE_CONTROLS);
        signo = asked ? asked : signo;
    }
    typed->termios.c_iflag |= parmrk;
    return signo;
}

int line_set_termios(const struct termios *termios, enum line_unread unread)
{
    int signo = 0;

    spin_lock(&line.lock);
    bool was_canonical = is_canonical(), had_flow_control = has_iflag(IXON);
    typed->termios = *termios;
    if (unread == LINE_DROP)
        drop_input();
    if (is_canonical() != was_canonical)
        typed->is_erasing = typed->is_next_literal = false;
    if (!is_canonical())
        commit(); /* an unfinished line can be read at once */
    else if (!was_canonical)
        signo = receive_again();
    if (had_flow_control && !has_iflag(IXON))
        start_output(); /* no key could */
    input_retry();
    spin_unlock(&line.lock);
    screen_refresh();
    poll_notify(&line_polled, POLL_ANY);
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
