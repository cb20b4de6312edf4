/* The receiver (tty/receiver.h).

       serial line --interrupt--> input ring --receiver--> line --> read
       keyboard    --interrupt-/   dev/input.h         \--> signals (terminal.h)

   Until the thread runs, typed bytes wait in the ring: nothing above dev/ sees an interrupt. No
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

static __noreturn void receiver_thread(void *arg __unused)
{
    for (;;)
        receiver_type(input_take());
}

void receiver_start(void)
{
    struct thread *thread = thread_create(receiver_thread, NULL);

    if (!thread)
        panic("no memory for the thread of the terminal");
    thread_start(thread);
}
