/* The machine: turning it off, restarting and stopping it.

   A PC has no single way to be turned off. All known ways are tried in turn; those that the machine
   lacks have no effect. isa-debug-exit ends QEMU with the status (value << 1) | 1: 33 after an
   orderly end, 35 after a panic, 37 after a boot that failed. The debug port has the exit status of
   init, or says that a reset is meant. A triple fault ends QEMU with 0, so 0 is never success. */
#include <arch/boot.h>
#include <arch/console.h>
#include <arch/cpu.h>
#include <arch/event.h>
#include <arch/port.h>
#include <arch/power.h>
#include "acpi.h"
#include "debugport.h"
#include "serial.h"

#define DEBUG_EXIT_PORT  0xf4
#define DEBUG_EXIT_END   0x10
#define DEBUG_EXIT_PANIC 0x11
#define DEBUG_EXIT_BOOT  0x12 /* boot.S has it too */

/* PM1 control (ACPI 4.8.3.2). */
#define PM1_SCI_ENABLE   (1u << 0)
#define PM1_SLEEP_TYPE   10 /* shift */
#define PM1_SLEEP_ENABLE (1u << 13)

static void halt(void)
{
    irq_disable();
    asm volatile("hlt");
}

/* Switches to ACPI mode, in which alone the PM1 registers work. The firmware may have to be
   asked. */
static void acpi_enter(void)
{
    if (!acpi.smi_command || (port_read16(acpi.pm1a_control) & PM1_SCI_ENABLE))
        return;
    port_write8(acpi.smi_command, acpi.acpi_enable);
    for (unsigned i = 0; i < 100000; i++)
        if (port_read16(acpi.pm1a_control) & PM1_SCI_ENABLE)
            return;
}

static void acpi_sleep(uint16_t port, uint16_t type)
{
    if (port)
        port_write16(port, type << PM1_SLEEP_TYPE | PM1_SLEEP_ENABLE);
}

static void acpi_poweroff(void)
{
    if (!acpi.pm1a_control)
        return;
    acpi_enter();
    acpi_sleep(acpi.pm1a_control, acpi.sleep_types[0]);
    acpi_sleep(acpi.pm1b_control, acpi.sleep_types[1]);
}

/* Turns off QEMU's q35 and pc, then old QEMU and Bochs, then Bochs by its own port, without
   ACPI. */
static void emulator_poweroff(void)
{
    port_write16(0x604, 0x2000);
    port_write16(0xb004, 0x2000);
    for (const char *s = "Shutdown"; *s; s++)
        port_write8(0x8900, *s);
}

#define MOMENT_US 500000u /* for an emulator to turn the machine off */
#define POST_PORT 0x80    /* where firmware shows its progress; reading has no effect */

void machine_poweroff(unsigned status)
{
    event_stop(status);
    irq_disable();
    console_show_waiting();
    debugport_printf("exit status %u\n", status);
    serial_drain();
    port_write32(DEBUG_EXIT_PORT, DEBUG_EXIT_END);
    acpi_poweroff();
    emulator_poweroff();
    /* An emulator may need a moment. A read of this port takes about a microsecond. */
    for (unsigned n = 0; n < MOMENT_US; n++)
        (void)port_read8(POST_PORT);
    printk("It is now safe to turn off the machine.\n");
    for (;;)
        halt();
}

#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_RESET   0xfe
#define RESET_CONTROL    0xcf9
#define RESET_HARD       0x06

/* Resets by the chipset, then by the keyboard controller, then by a triple fault: an exception
   without an IDT. */
void machine_restart(void)
{
    event_stop(0);
    irq_disable();
    console_show_waiting();
    debugport_printf("restart\n");
    serial_drain();
    port_write8(RESET_CONTROL, RESET_HARD);
    port_write8(KEYBOARD_COMMAND, KEYBOARD_RESET);
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __packed none;
    asm volatile("lidt %0; int3" : : "m"(none));
    for (;;)
        halt();
}

static __noreturn void stop_with(uint32_t value)
{
    serial_drain();
    port_write32(DEBUG_EXIT_PORT, value);
    for (;;)
        halt();
}

void machine_stop(void)
{
    event_stop(1);
    stop_with(DEBUG_EXIT_PANIC);
}

void boot_fail(const char *fmt, ...)
{
    va_list args;

    irq_disable();
    console_panic_mode(); /* "quiet" does not silence this */
    printk("Pagoda cannot start: ");
    va_start(args, fmt);
    vprintk(fmt, args);
    va_end(args);
    printk("\n");
    stop_with(DEBUG_EXIT_BOOT);
}
