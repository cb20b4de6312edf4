/* kernel/tty/line.c, kernel/dev/input.c, and the little that they need of the rest of the kernel.
   One thread runs, so locks do nothing, and a call that would sleep is interrupted at once. */
#include <asm/ioctls.h>
#include <linux/errno.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <arch/page.h>
#include <dev/input.h>
#include <dev/screen.h>
#include <lib/string.h>
#include <sched/poll.h>
#include <sched/waitq.h>
#include <tty/line.h>
#include "terminal.h"

char host_thread[PAGE_SIZE] __aligned(16); /* zeros: no work is set for the current thread */

char our_output[1 << 16];
size_t our_output_len;

void console_write(const char *text, size_t len)
{
    len = min(len, sizeof(our_output) - our_output_len);
    memcpy(our_output + our_output_len, text, len);
    our_output_len += len;
}

unsigned this_cpu_id;
bool irq_disabled[MAX_CPUS];
void (*step_hook)(void);

void spin_lock(struct spinlock *lock __unused)
{
}

void spin_unlock(struct spinlock *lock __unused)
{
}

int waitq_sleep(struct waitq *wq __unused, struct spinlock *lock __unused)
{
    return -EINTR;
}

int waitq_sleep_until(struct waitq *wq __unused, struct spinlock *lock __unused,
                      uint64_t deadline_ns __unused)
{
    return -EINTR;
}

void waitq_wake_all(struct waitq *wq __unused)
{
}

uint64_t clock_monotonic_ns(void)
{
    return 0;
}

void screen_refresh(void)
{
}

void poll_notify(struct poll_source *source __unused, unsigned events __unused)
{
}

/* ---- The input ring, and a serial line that always has another byte ---- */

static unsigned serial_bytes; /* read so far */
static bool has_overrun;

int serial_read(void)
{
    return serial_bytes++ & 0xff;
}

bool serial_take_overrun(void)
{
    bool had_overrun = has_overrun;

    has_overrun = false;
    return had_overrun;
}

void serial_listen(void)
{
}

void irq_route(unsigned irq __unused)
{
}

bool waitq_wake_one(struct waitq *wq __unused)
{
    return false;
}

void waitq_sleep_hard(struct waitq *wq __unused, struct spinlock *lock __unused)
{
}

bool our_ring_flushes(void)
{
    unsigned next = 0, flushed;
    int byte;

    input_serial_interrupt(); /* fills the ring; the rest waits in the chip */
    if (input_peek(&next) != 0 || !input_drop(1) || input_drop(1))
        return false;
    flushed = serial_bytes;
    input_flush();
    byte = input_peek(&next);
    return byte == (uint8_t)(flushed + SERIAL_FIFO_BYTES) && !input_drop(next) &&
           input_drop(next + 1);
}

bool our_ring_tells_of_overruns(void)
{
    bool before = input_take_overrun();

    has_overrun = true;
    input_flush();
    return !before && input_take_overrun() && !input_take_overrun();
}

void our_set(const struct settings *settings)
{
    _Static_assert(sizeof(*settings) == sizeof(struct termios), "the kernel's struct");
    (void)line_set_termios((const struct termios *)settings, LINE_KEEP);
}

void our_type(uint8_t byte)
{
    if (line_accepts(byte))
        (void)line_receive(byte, LINE_CONTROLS);
}

long our_read(char *buf, size_t len)
{
    return line_read(buf, len, LINE_NO_WAIT, LINE_NEVER);
}

long our_write(const char *buf, size_t len)
{
    int err = line_write(buf, len, LINE_NO_WAIT, LINE_NEVER);

    return err ? err : (long)len;
}

void our_flush_input(void)
{
    line_flush_input();
}

void our_flow(int action)
{
    if (action == TCOOFF)
        line_suspend_output();
    else if (action == TCOON)
        line_resume_output();
    else
        line_send_special(action == TCIOFF ? VSTOP : VSTART);
}

size_t our_input_len(void)
{
    return line_input_len();
}

bool our_is_readable(void)
{
    return line_is_readable();
}

bool our_is_writable(void)
{
    return line_is_writable();
}
