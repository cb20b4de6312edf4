/* The receiver (tty/receiver.h).

       serial line --interrupt--> input ring --receiver--> line --> read
       keyboard    --interrupt-/   dev/input.h         \--> signals (terminal.h)

   Until the thread runs, typed bytes wait in the ring: nothing above dev/ sees an interrupt.

   A byte for which the line has no room waits in the ring too, until a program reads, and those
   behind it wait in the serial line. But some act on a program that does not read. A signal
   character in the ring overtakes the bytes before it, which it would flush in any case. VSTOP and
   VSTART act at once and keep their place; when their turn comes, they do nothing more.

   No locks of its own: only the thread uses the positions. */
#include <arch/console.h>
#include <dev/input.h>
#include <lib/panic.h>
#include <sched/thread.h>
#include <tty/line.h>
#include <tty/receiver.h>
#include <tty/terminal.h>

static void receive_byte(uint8_t byte, enum line_flow flow)
{
    int signo = line_receive(byte, flow);

    if (signo)
        terminal_signal(signo);
}

void receiver_type(uint8_t byte)
{
    receive_byte(byte, LINE_CONTROLS);
}

void receiver_flush(void)
{
    input_flush();
    line_flush_input();
}

/* Looks at the bytes from `next` on, which wait. Drops the bytes before a character that would
   flush them. If there is none, waits for more bytes or for room in the line. VSTOP and VSTART
   among the bytes from *seen on act, and *seen moves behind them. */
static void look_ahead(unsigned next, unsigned *seen)
{
    unsigned at = next;
    int byte;

    for (; (byte = input_peek(&at)) >= 0; at++) {
        if (line_is_flushed_by(byte)) {
            input_drop(at);
            return;
        }
        if ((int)(at - *seen) >= 0) {
            line_look_ahead(byte);
            *seen = at + 1;
        }
    }
    input_wait(at);
}

static __noreturn void receiver_thread(void *arg __unused)
{
    unsigned next = 0, seen = 0; /* positions in the input ring */

    for (;;) {
        int byte = input_peek(&next);
        if (byte < 0) {
            input_wait(next);
        } else if (!line_accepts(byte)) {
            look_ahead(next, &seen);
        } else if (input_drop(next + 1)) { /* else it was flushed meanwhile */
            bool is_seen = (int)(next - seen) < 0;
            if (!is_seen)
                seen = next + 1;
            receive_byte(byte, is_seen ? LINE_CONTROLLED : LINE_CONTROLS);
        }
        if (input_take_overrun())
            printk_between_lines(
                "serial line: input was lost, because it came faster than it was read\n");
    }
}

void receiver_start(void)
{
    struct thread *thread = thread_create(receiver_thread, NULL);

    if (!thread)
        panic("no memory for the thread of the terminal");
    thread_start(thread);
}
