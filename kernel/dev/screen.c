/* The screen: paints the terminal in memory (vt.h) on the display (display.h).

       console --write--> vt --paint--> display
                                 \--> shown

   A write only changes the terminal. Painting compares the terminal with `shown` and draws the
   cells that differ. So text that scrolls by between two paintings is never drawn, and the display
   is never read. A kernel message is painted at once, because it may be the last. A thread paints
   what programs write; it sleeps after each painting, so heavy output costs few paintings.

   Locks: the console's (console_lock) guards the terminal, `shown` and the display. It is held,
   with interrupts off, for one row at a time. painter.lock (RANK_PIPE) guards only the request to
   paint. */
#include <arch/clock.h>
#include <arch/console.h>
#include <dev/screen.h>
#include <lib/panic.h>
#include <sched/thread.h>
#include "display.h"
#include "vt.h"

#define PAINT_INTERVAL_NS 20000000ul

static struct vt vt;
static uint16_t shown[VT_MAX_ROWS][VT_MAX_COLUMNS]; /* the cells on the display; 0: unknown */

static struct {
    struct spinlock lock;
    struct waitq requests;
    bool is_requested; /* (lock) */
    bool has_screen;   /* set once, before the thread starts */
} painter = {.lock = SPINLOCK(RANK_PIPE), .requests = WAITQ(painter.requests)};

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

/* Rows that change after they were painted have been requested again. */
static void paint(void)
{
    for (unsigned row = 0; row < vt.rows; row++) {
        bool irq = console_lock();
        paint_row(row);
        console_unlock(irq);
    }
}

static void wait_for_request(void)
{
    spin_lock(&painter.lock);
    while (!painter.is_requested)
        waitq_sleep_hard(&painter.requests, &painter.lock);
    painter.is_requested = false;
    spin_unlock(&painter.lock);
}

static __noreturn void paint_thread(void *arg __unused)
{
    for (;;) {
        wait_for_request();
        paint();
        uint64_t next_ns = clock_monotonic_ns() + PAINT_INTERVAL_NS;
        while (thread_sleep_until(next_ns))
            ; /* never: a kernel thread gets no signals */
    }
}

bool screen_size(unsigned *rows, unsigned *columns)
{
    *rows = vt.rows;
    *columns = vt.columns;
    return painter.has_screen;
}

void screen_refresh(void)
{
    if (!painter.has_screen)
        return;
    spin_lock(&painter.lock);
    painter.is_requested = true;
    waitq_wake_one(&painter.requests);
    spin_unlock(&painter.lock);
}

void screen_start(void)
{
    if (!painter.has_screen)
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

    painter.has_screen = display_init(&rows, &columns);
    if (!painter.has_screen)
        return;
    vt_init(&vt, rows, columns);
    screen_show();
    console_set_screen(&screen);
}
