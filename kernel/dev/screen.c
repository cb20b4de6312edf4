/* The screen: the terminal in memory (vt.h), brought to the display (display.h).

       console --write--> vt --paint--> display
                                 \--> shown

   Writing only changes the terminal. Painting compares it with `shown`, and draws the cells that
   differ: so what scrolls by unseen is never drawn, and the display is never read. A kernel message
   is painted at once, since it may be the last; what programs write, by a thread, which sleeps a
   while after each painting, so that much output costs no more than a little.

   Locks: the console's (console_lock) guards the terminal, `shown` and the display. It is held, with
   interrupts off, for one row at a time. painter.lock (RANK_PIPE) guards only the wish for a
   painting. */
#include <arch/clock.h>
#include <arch/console.h>
#include <dev/screen.h>
#include <lib/panic.h>
#include <sched/thread.h>
#include "display.h"
#include "vt.h"

#define PAINT_INTERVAL_NS 20000000ul

static struct vt vt;
static uint16_t shown[VT_MAX_ROWS][VT_MAX_COLUMNS]; /* 0, which is no cell of vt's: unknown */

static struct {
    struct spinlock lock;
    struct waitq wishes;
    bool is_wished; /* (lock) */
    bool is_there;  /* there is a screen; set once, before the thread */
} painter = {.lock = SPINLOCK(RANK_PIPE), .wishes = WAITQ(painter.wishes)};

/* The console's lock is held. */
static void paint_row(unsigned row)
{
    for (unsigned column = 0; column < vt.columns; column++) {
        uint16_t cell = vt_cell(&vt, row, column);
        if (shown[row][column] == cell)
            continue;
        display_draw(row, column, cell);
        shown[row][column] = cell;
    }
}

static void screen_write(const char *text, size_t len)
{
    vt_write(&vt, text, len);
}

static void screen_show(void)
{
    for (unsigned row = 0; row < vt.rows; row++)
        paint_row(row);
}

/* Rows that change meanwhile are wished for again. */
static void paint(void)
{
    for (unsigned row = 0; row < vt.rows; row++) {
        bool irq = console_lock();
        paint_row(row);
        console_unlock(irq);
    }
}

static void wait_for_wish(void)
{
    spin_lock(&painter.lock);
    while (!painter.is_wished)
        waitq_sleep_hard(&painter.wishes, &painter.lock);
    painter.is_wished = false;
    spin_unlock(&painter.lock);
}

static __noreturn void paint_thread(void *arg __unused)
{
    for (;;) {
        wait_for_wish();
        paint();
        uint64_t next_ns = clock_monotonic_ns() + PAINT_INTERVAL_NS;
        while (thread_sleep_until(next_ns))
            ; /* no signal comes to a thread of the kernel */
    }
}

void screen_refresh(void)
{
    if (!painter.is_there)
        return;
    spin_lock(&painter.lock);
    painter.is_wished = true;
    waitq_wake_one(&painter.wishes);
    spin_unlock(&painter.lock);
}

void screen_start(void)
{
    if (!painter.is_there)
        return;
    struct thread *thread = thread_create(paint_thread, NULL);
    if (!thread)
        panic("screen: no memory for its thread");
    thread_start(thread);
}

void screen_init(void)
{
    static const struct console_screen screen = {.write = screen_write, .show = screen_show};
    unsigned rows, columns;

    painter.is_there = display_init(&rows, &columns);
    if (!painter.is_there)
        return;
    vt_init(&vt, rows, columns);
    screen_show();
    console_set_screen(&screen);
}
