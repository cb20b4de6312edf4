/* The kernel's messages: formatted once, and sent to the debug port, and to the serial line unless
   "quiet" is on the command line. On the serial line, which a terminal reads, "\n" becomes "\r\n".
   The last of them are kept in a ring, for whoever asks later.

   One lock keeps messages whole and apart from what programs write. After console_panic_mode nobody
   takes it any more: whoever held it may be stopped. */
#include <arch/boot.h>
#include <arch/console.h>
#include <arch/port.h>
#include <arch/spinlock.h>
#include <lib/printf.h>
#include <lib/string.h>
#include "debugport.h"
#include "serial.h"

#define DEBUG_PORT 0xe9 /* reads as its own number if it is there */

static struct spinlock console_lock = SPINLOCK(RANK_CONSOLE);
static bool panic_mode;

static struct {
    char bytes[CONSOLE_LOG_SIZE];
    uint64_t end; /* of all messages, in bytes; its place in the ring is the rest by the size */
} ring;           /* Lock: console_lock. */

void console_panic_mode(void)
{
    panic_mode = true;
}

static bool console_enter(void)
{
    return panic_mode ? false : spin_lock_irq(&console_lock);
}

static void console_leave(bool irq)
{
    if (!panic_mode)
        spin_unlock_irq(&console_lock, irq);
}

void debugport_send(const char *text, size_t len)
{
    if (port_read8(DEBUG_PORT) != DEBUG_PORT)
        return;
    for (size_t i = 0; i < len; i++)
        port_write8(DEBUG_PORT, text[i]);
}

static void serial_send_line(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            serial_send("\r", 1);
        serial_send(&text[i], 1);
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
    bool irq = console_enter();
    uint64_t end = ring.end;
    console_leave(irq);
    return end;
}

size_t console_log_read(uint64_t *from, char *buf, size_t size)
{
    bool irq = console_enter();
    uint64_t oldest = ring.end - min(ring.end, (uint64_t)CONSOLE_LOG_SIZE);
    uint64_t start = max(*from, oldest);
    size_t len = start < ring.end ? min(size, ring.end - start) : 0;

    for (size_t i = 0; i < len; i++)
        buf[i] = ring.bytes[(start + i) % CONSOLE_LOG_SIZE];
    console_leave(irq);
    *from = start + len;
    return len;
}

static void debugport_put(struct text_sink *sink __unused, const char *text, size_t len)
{
    debugport_send(text, len);
}

static void message_put(struct text_sink *sink __unused, const char *text, size_t len)
{
    ring_put(text, len);
    debugport_send(text, len);
}

static void loud_message_put(struct text_sink *sink __unused, const char *text, size_t len)
{
    ring_put(text, len);
    debugport_send(text, len);
    serial_send_line(text, len);
}

void vprintk(const char *fmt, va_list args)
{
    struct text_sink sink = {.put = is_quiet() ? message_put : loud_message_put};
    bool irq = console_enter();
    sink_vprintf(&sink, fmt, args);
    console_leave(irq);
}

void printk(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vprintk(fmt, args);
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

/* Interrupts are let in between pieces: a real line takes 87 microseconds for each byte. */
void serial_write(const char *text, size_t len)
{
    while (len > 0) {
        size_t piece = min(len, 16ul);
        bool irq = console_enter();
        serial_send(text, piece);
        console_leave(irq);
        text += piece;
        len -= piece;
    }
}
