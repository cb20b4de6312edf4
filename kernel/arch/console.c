/* The kernel's messages: formatted once, and sent to the debug port, and to the serial line unless
   "quiet" is on the command line. On the serial line, which a terminal reads, "\n" becomes "\r\n".

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

static void debugport_put(struct text_sink *sink __unused, const char *text, size_t len)
{
    debugport_send(text, len);
}

static void both_put(struct text_sink *sink __unused, const char *text, size_t len)
{
    debugport_send(text, len);
    serial_send_line(text, len);
}

void vprintk(const char *fmt, va_list args)
{
    struct text_sink sink = {.put = is_quiet() ? debugport_put : both_put};
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
