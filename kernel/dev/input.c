/* The input ring (dev/input.h).

   The serial line raises its interrupt once, when a byte arrives in an empty FIFO. Bytes that had
   to stay there cause no further interrupt, so input_drop fetches them when there is room.

   Lock: input.lock (RANK_INTERRUPT, interrupts off) guards the ring, and the serial line's
   receiver. */
#include <arch/console.h>
#include <arch/irq.h>
#include <dev/input.h>
#include <sched/waitq.h>

#define RING_SIZE    1024u /* a power of two */
#define KEYBOARD_MIN 64u   /* places that the serial line leaves to the keyboard */

/* The two counts only grow; the index of a byte in the ring is the low bits of its count. */
static struct {
    struct spinlock lock;
    struct waitq changed;
    unsigned head, tail;      /* (lock) bytes that were taken; bytes that were put */
    uint8_t bytes[RING_SIZE]; /* (lock) */
    bool has_left;            /* (lock) the serial line may have bytes that found no room */
    bool is_overrun;          /* (lock) the serial line lost bytes, which nobody was told yet */
    bool is_to_retry;         /* (lock) input_retry was called since the last input_wait */
} input = {.lock = SPINLOCK(RANK_INTERRUPT), .changed = WAITQ(input.changed)};

/* input.lock is held. */
static unsigned room(void)
{
    return RING_SIZE - (input.tail - input.head);
}

/* input.lock is held. There is room. */
static void input_add(uint8_t byte)
{
    input.bytes[input.tail++ % RING_SIZE] = byte;
}

void input_put(const char *bytes, size_t len)
{
    bool irq = spin_lock_irq(&input.lock);
    bool fits = len <= room();

    for (size_t i = 0; fits && i < len; i++)
        input_add(bytes[i]);
    waitq_wake_one(&input.changed);
    spin_unlock_irq(&input.lock, irq);
    if (!fits)
        console_write("\a", 1);
}

/* Takes bytes from the serial line while there is room. input.lock is held. */
static void serial_fetch(void)
{
    int byte = 0;

    while (room() > KEYBOARD_MIN && (byte = serial_read()) >= 0)
        input_add(byte);
    input.has_left = byte >= 0;
    input.is_overrun |= serial_take_overrun();
}

int input_peek(unsigned *position)
{
    bool irq = spin_lock_irq(&input.lock);
    int byte = -1;

    if ((int)(input.head - *position) > 0)
        *position = input.head;
    if (*position != input.tail)
        byte = input.bytes[*position % RING_SIZE];
    spin_unlock_irq(&input.lock, irq);
    return byte;
}

bool input_drop(unsigned position)
{
    bool irq = spin_lock_irq(&input.lock);
    bool is_there = (int)(position - input.head) > 0;

    if (is_there)
        input.head = position;
    if (input.has_left)
        serial_fetch();
    spin_unlock_irq(&input.lock, irq);
    return is_there;
}

void input_flush(void)
{
    bool irq = spin_lock_irq(&input.lock);

    for (unsigned n = 0; n < SERIAL_FIFO_BYTES && serial_read() >= 0; n++)
        ;
    input.head = input.tail;
    serial_fetch();
    waitq_wake_one(&input.changed);
    spin_unlock_irq(&input.lock, irq);
}

bool input_take_overrun(void)
{
    bool irq = spin_lock_irq(&input.lock);
    bool is_overrun = input.is_overrun;

    input.is_overrun = false;
    spin_unlock_irq(&input.lock, irq);
    return is_overrun;
}

void input_wait(unsigned position)
{
    bool irq = spin_lock_irq(&input.lock);

    while ((int)(input.tail - position) <= 0 && !input.is_to_retry)
        waitq_sleep_hard(&input.changed, &input.lock);
    input.is_to_retry = false;
    spin_unlock_irq(&input.lock, irq);
}

void input_retry(void)
{
    bool irq = spin_lock_irq(&input.lock);

    input.is_to_retry = true;
    waitq_wake_one(&input.changed);
    spin_unlock_irq(&input.lock, irq);
}

void input_serial_interrupt(void)
{
    bool irq = spin_lock_irq(&input.lock);

    serial_fetch();
    waitq_wake_one(&input.changed);
    spin_unlock_irq(&input.lock, irq);
}

void input_serial_init(void)
{
    irq_route(SERIAL_IRQ);
    serial_listen();
}
