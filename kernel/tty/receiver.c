/* The receiver (tty/receiver.h).

       serial line --interrupt--> input ring --receiver--> line --> read
       keyboard    --interrupt-/   dev/input.h         \--> signals (terminal.h)

   Until the thread runs, typed bytes wait in the ring: nothing above dev/ sees an interrupt.

   A byte for which the line has no room waits in the ring too, until a program reads, and those
   behind it wait in the serial line. But Ctrl-C must act on a program that does not read. So a
   signal character in the ring overtakes the bytes before it, which it would flush in any case. No
   locks of its own. */
#include <dev/input.h>
#include <lib/panic.h>
#include <sched/thread.h>
#include <tty/line.h>
#include <tty/receiver.h>
#include <tty/terminal.h>

void receiver_type(uint8_t byte)
{
    int signo = line_receive(byte);

    if (signo)
        terminal_signal(signo);
}

/* Drops the bytes before a character that would flush them. If there is none, waits for more bytes
   or for room in the line. */
static void overtake(void)
{
    unsigned before = 0;
    int byte;

    while ((byte = input_peek(before)) >= 0 && !line_is_flushed_by(byte))
        before++;
    if (byte < 0)
        input_wait(before);
    for (; byte >= 0 && before > 0; before--)
        input_drop();
}

static __noreturn void receiver_thread(void *arg __unused)
{
    for (;;) {
        int byte = input_peek(0);
        if (byte < 0) {
            input_wait(0);
        } else if (line_accepts(byte)) {
            input_drop();
            receiver_type(byte);
        } else {
            overtake();
        }
    }
}

void receiver_start(void)
{
    struct thread *thread = thread_create(receiver_thread, NULL);

    if (!thread)
        panic("no memory for the thread of the terminal");
    thread_start(thread);
}
