/* The serial line: a 16550 at COM1, 115200 baud, 8 data bits, no parity, 1 stop bit.

   The transmitter has a FIFO of 16 bytes. When it reports that it is empty, 16 bytes may be written
   without asking again. After serial_listen, received bytes cause interrupts on ISA line 4. Without
   a chip at COM1 the functions do nothing. Lock for sending: console.c's. Source: National
   Semiconductor PC16550D datasheet, 8. */
#include <arch/atomic.h>
#include <arch/console.h>
#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/port.h>
#include "serial.h"

#define COM1 0x3f8

/* Registers. */
#define DATA         (COM1 + 0)
#define DIVISOR_LOW  (COM1 + 0) /* while LCR_DIVISOR is set */
#define IER          (COM1 + 1)
#define DIVISOR_HIGH (COM1 + 1)
#define FCR          (COM1 + 2)
#define LCR          (COM1 + 3)
#define MCR          (COM1 + 4)
#define LSR          (COM1 + 5)
#define SCRATCH      (COM1 + 7)

#define IER_RECEIVED  (1u << 0)
#define FCR_ENABLE    0x07 /* empties both FIFOs, interrupts at the first byte */
#define LCR_8N1       0x03
#define LCR_DIVISOR   (1u << 7)
#define MCR_READY     0x0b /* DTR, RTS, and OUT2, which enables interrupts */
#define LSR_RECEIVED  (1u << 0)
#define LSR_OVERRUN   (1u << 1) /* cleared by a read of the register */
#define LSR_FIFO_FREE (1u << 5)
#define LSR_IDLE      (1u << 6)

#define DIVISOR_115200 1

static bool is_present;
static unsigned is_overrun; /* atomic; since the last serial_take_overrun */

/* Reads the status, and keeps the overrun that the read clears in the chip. */
static uint8_t line_status(void)
{
    uint8_t status = port_read8(LSR);

    if (status & LSR_OVERRUN)
        atomic_store(&is_overrun, 1u);
    return status;
}

void serial_init(void)
{
    port_write8(SCRATCH, 0x5a);
    is_present = port_read8(SCRATCH) == 0x5a;
    if (!is_present)
        return;
    port_write8(IER, 0);
    port_write8(LCR, LCR_DIVISOR);
    port_write8(DIVISOR_LOW, DIVISOR_115200);
    port_write8(DIVISOR_HIGH, 0);
    port_write8(LCR, LCR_8N1);
    port_write8(FCR, FCR_ENABLE);
    port_write8(MCR, MCR_READY);
}

void serial_listen(void)
{
    if (is_present)
        port_write8(IER, IER_RECEIVED);
}

int serial_read(void)
{
    if (!is_present || !(line_status() & LSR_RECEIVED))
        return -1;
    return port_read8(DATA);
}

bool serial_take_overrun(void)
{
    return atomic_exchange(&is_overrun, 0u);
}

/* The wait has no bound, because a receiver may hold the line back for as long as it likes. */
void serial_send(const char *text, size_t len)
{
    for (size_t i = 0; is_present && i < len; i++) {
        while (i % SERIAL_FIFO_BYTES == 0 && !(line_status() & LSR_FIFO_FREE))
            cpu_relax();
        port_write8(DATA, text[i]);
    }
}

void serial_drain(void)
{
    while (is_present && !(line_status() & LSR_IDLE))
        cpu_relax();
}
