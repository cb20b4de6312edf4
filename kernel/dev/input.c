/* The input ring (dev/input.h).

   Lock: input.lock (RANK_INTERRUPT, interrupts off) guards the ring, and the serial line's
   receiver. */
#include <arch/console.h>
#include <arch/irq.h>
#include <dev/input.h>
#include <sched/waitq.h>

#define RING_SIZE 1024u /* a power of two */

/* The two counts only grow; the index of a byte in the ring is the low bits of its count. */
static struct {
    struct spinlock lock;
    struct waitq received;
    unsigned head, tail;      /* (lock) bytes that were taken; bytes that were put */
    uint8_t bytes[RING_SIZE]; /* (lock) */
} input = {.lock = SPINLOCK(RANK_INTERRUPT), .received = WAITQ(input.received)};

/* input.lock is held. */
static void input_add(uint8_t byte)
{
    if (input.tail - input.head < RING_SIZE)
        input.bytes[input.tail++ % RING_SIZE] = byte;
}

void input_put(const char *bytes, size_t len)
{
    bool irq = spin_lock_irq(&input.lock);

    for (size_t i = 0; i < len; i++)
        input_add(bytes[i]);
    waitq_wake_one(&input.received);
    spin_unlock_irq(&input.lock, irq);
}

uint8_t input_take(void)
{
    bool irq = spin_lock_irq(&input.lock);

    while (input.head == input.tail)
        waitq_sleep_hard(&input.received, &input.lock);
    uint8_t byte = input.bytes[input.head++ % RING_SIZE];
    spin_unlock_irq(&input.lock, irq);
    return byte;
}

void input_serial_interrupt(void)
{
    bool irq = spin_lock_irq(&input.lock);
    int byte;

    while ((byte = serial_read()) >= 0)
        input_add(byte);
    waitq_wake_one(&input.received);
    spin_unlock_irq(&input.lock, irq);
}

void input_serial_init(void)
{
    irq_route(SERIAL_IRQ);
    serial_listen();
}
