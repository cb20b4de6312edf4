/* The console: the serial line, and the screen once it is initialised.

       printk --> debug port
              \-> serial line and screen, unless "quiet" is on the command line <-- console_write

   A message is formatted once, and kept in a ring for syslog(2). The serial line and the screen are
   terminals, so they get "\r\n" for "\n".

   A message between lines waits while the last byte on the serial line is not a newline. It is the
   end of the log, from waiting_from on. The newline that ends the line, or the next message of
   printk, shows it.

   One lock keeps messages in one piece, apart from the output of programs, and guards the state of
   the screen. After console_panic_mode no lock is taken, because its holder may be stopped. */
#include <arch/boot.h>
#include <arch/console.h>
#include <arch/port.h>
#include <arch/spinlock.h>
#include <lib/printf.h>
#include <lib/string.h>
#include "debugport.h"
#include "serial.h"

#define DEBUG_PORT 0xe9 /* reads as its own number if it exists */

/* The bytes that are sent with interrupts disabled: on a real line each takes 87 microseconds. */
#define SEND_CHUNK 16ul

static struct spinlock lock = SPINLOCK(RANK_CONSOLE);
static bool panic_mode;
static unsigned reporter; /* atomic; 1 + the CPU that reports in an NMI; 0: none */
static const struct console_screen *screen; /* (lock) NULL: none */

static struct {
    char bytes[CONSOLE_LOG_SIZE];
    uint64_t end; /* position behind the last message; modulo the size, its place in the ring */
} ring;           /* (lock) */

static bool is_in_line;       /* (lock) the last byte that was sent is no newline */
static bool are_waiting;      /* (lock) messages wait for the end of the line */
static uint64_t waiting_from; /* (lock) if are_waiting: position of the first in the log */

void console_panic_mode(void)
{
    panic_mode = true;
}

/* The reporter before is in an NMI, where nothing but the serial line can keep it. */
void console_report_begin(void)
{
    while (!atomic_compare_exchange(&reporter, 0u, cpu_id() + 1))
        cpu_relax();
}

void console_report_end(void)
{
    serial_drain(); /* an interrupted serial_send may believe that the FIFO is free */
    atomic_store(&reporter, 0u);
}

/* Returns true in an NMI that reports: nothing else runs on its CPU. */
static bool is_reporting(void)
{
    return atomic_load_relaxed(&reporter) == cpu_id() + 1;
}

bool console_lock(void)
{
    return panic_mode || is_reporting() ? false : spin_lock_irq(&lock);
}

void console_unlock(bool irq)
{
    if (!panic_mode && !is_reporting())
        spin_unlock_irq(&lock, irq);
}

void console_set_screen(const struct console_screen *new)
{
    bool irq = console_lock();
    screen = new;
    console_unlock(irq);
}

void debugport_send(const char *text, size_t len)
{
    if (port_read8(DEBUG_PORT) != DEBUG_PORT)
        return;
    for (size_t i = 0; i < len; i++)
        port_write8(DEBUG_PORT, text[i]);
}

/* Sends bytes to the serial line and the screen. The lock is held. */
static void send(const char *text, size_t len)
{
    if (len == 0)
        return;
    is_in_line = text[len - 1] != '\n';
    serial_send(text, len);
    if (screen && !is_reporting()) /* the NMI may have interrupted the screen's own code */
        screen->write(text, len);
}

static void send_line(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            send("\r", 1);
        send(&text[i], 1);
    }
}

static bool is_quiet(void)
{
    char value[2];
    return !panic_mode && boot_option("quiet", value, sizeof value);
}

static void ring_put(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ring.bytes[ring.end++ % CONSOLE_LOG_SIZE] = text[i];
}

uint64_t console_log_end(void)
{
    bool irq = console_lock();
    uint64_t end = ring.end;
    console_unlock(irq);
    return end;
}

size_t console_log_read(uint64_t *from, char *buf, size_t size)
{
    bool irq = console_lock();
    uint64_t oldest = ring.end - min(ring.end, (uint64_t)CONSOLE_LOG_SIZE);
    uint64_t start = max(*from, oldest);
    size_t len = start < ring.end ? min(size, ring.end - start) : 0;

    for (size_t i = 0; i < len; i++)
        buf[i] = ring.bytes[(start + i) % CONSOLE_LOG_SIZE];
    console_unlock(irq);
    *from = start + len;
    return len;
}

/* Shows the messages that wait, on a line of their own. The lock is held. */
static void show_waiting(void)
{
    uint64_t oldest = ring.end - min(ring.end, (uint64_t)CONSOLE_LOG_SIZE);
    uint64_t from = max(waiting_from, oldest);

    if (!are_waiting)
        return;
    are_waiting = false;
    if (is_in_line)
        send_line("\n", 1);
    for (; from < ring.end; from++)
        send_line(&ring.bytes[from % CONSOLE_LOG_SIZE], 1);
}

void console_show_waiting(void)
{
    bool irq = console_lock();
    show_waiting();
    console_unlock(irq);
}

static void debugport_put(struct text_sink *sink __unused, const char *text, size_t len)
{
    debugport_send(text, len);
}

static void quiet_put(struct text_sink *sink __unused, const char *text, size_t len)
{
    ring_put(text, len);
    debugport_send(text, len);
}

static void loud_put(struct text_sink *sink __unused, const char *text, size_t len)
{
    ring_put(text, len);
    debugport_send(text, len);
    send_line(text, len);
}

void vprintk(const char *fmt, va_list args)
{
    bool quiet = is_quiet();
    struct text_sink sink = {.put = quiet ? quiet_put : loud_put};
    bool irq = console_lock();
    if (!quiet)
        show_waiting();
    sink_vprintf(&sink, fmt, args);
    if (screen && !quiet && !is_reporting())
        screen->show();
    console_unlock(irq);
}

void printk(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vprintk(fmt, args);
    va_end(args);
}

void printk_between_lines(const char *fmt, ...)
{
    bool quiet = is_quiet();
    va_list args;
    va_start(args, fmt);
    bool irq = console_lock();
    bool waits = is_in_line && !quiet;
    struct text_sink sink = {.put = waits || quiet ? quiet_put : loud_put};
    if (waits && !are_waiting)
        waiting_from = ring.end;
    are_waiting |= waits;
    sink_vprintf(&sink, fmt, args);
    console_unlock(irq);
    va_end(args);
}

void debugport_printf(const char *fmt, ...)
{
    struct text_sink sink = {.put = debugport_put};
    va_list args;
    va_start(args, fmt);
    sink_vprintf(&sink, fmt, args);
    va_end(args);
}

/* Returns the length of the line that `text` begins with, its newline included; at most `len`. */
static size_t line_len(const char *text, size_t len)
{
    size_t n = 0;

    while (n < len && text[n] != '\n')
        n++;
    return min(n + 1, len);
}

void console_write(const char *text, size_t len)
{
    while (len > 0) {
        size_t chunk = min(len, SEND_CHUNK);
        bool irq = console_lock();
        if (are_waiting)
            chunk = line_len(text, chunk);
        send(text, chunk);
        if (!is_in_line)
            show_waiting();
        console_unlock(irq);
        text += chunk;
        len -= chunk;
    }
}
