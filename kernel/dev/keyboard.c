/* The PS/2 keyboard, US layout: turns scan codes into the bytes that a terminal's keyboard sends.

   The controller translates to scan code set 1: a byte for each key, with bit 7 set when the key is
   released, and with a prefix of 0xe0 for keys that the first PC lacked. The keypad acts as with
   NumLock off. Alt sends ESC before the key.

       Enter    CR       Up, Down, Right, Left  ESC [ A, B, C, D    Insert, Delete      ESC [ 2~, 3~
       Rubout   DEL      Home, End              ESC [ H, F          Page Up, Page Down  ESC [ 5~, 6~

   No locks: after keyboard_init only the interrupt handler uses this state, on one CPU.
   Sources: IBM PS/2 Hardware Interface Technical Reference, keyboard and auxiliary device
   controller; keyboard scan code set 1. */
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/port.h>
#include <dev/input.h>
#include <dev/keyboard.h>
#include <lib/string.h>

/* The controller. */
#define DATA            0x60
#define STATUS          0x64
#define COMMAND         0x64
#define STATUS_RECEIVED (1u << 0)
#define STATUS_BUSY     (1u << 1)
#define STATUS_MOUSE    (1u << 5) /* the received byte is the mouse's */
#define STATUS_ABSENT   0xff      /* no controller answers at this port */

#define READ_CONFIG      0x20
#define WRITE_CONFIG     0x60
#define DISABLE_MOUSE    0xa7
#define DISABLE_KEYBOARD 0xad
#define ENABLE_KEYBOARD  0xae

#define CONFIG_IRQ          (1u << 0)
#define CONFIG_MOUSE_IRQ    (1u << 1)
#define CONFIG_KEYBOARD_OFF (1u << 4)
#define CONFIG_TRANSLATE    (1u << 6)

#define KEYBOARD_START 0xf4 /* to the keyboard itself: send scan codes */

#define MAX_POLLS   100000u /* of the status, before the driver goes on regardless */
#define MAX_PENDING 64u     /* bytes that the firmware may have left unread */

/* Scan codes. */
#define RELEASED    0x80
#define EXTENDED    0xe0
#define CODE_CTRL   0x1d
#define CODE_LSHIFT 0x2a
#define CODE_SLASH  0x35
#define CODE_RSHIFT 0x36
#define CODE_ALT    0x38
#define CODE_CAPS   0x3a
#define CODE_KEYPAD 0x47 /* the first key of keypad[] */

#define ESC '\033'

/* The characters of the keys, by scan code; 0: none. */
static const char plain[] =
    "\0\0331234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] =
    "\0\033!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

static const char *const keypad[] = {
    "\033[H",  "\033[A", "\033[5~", "-",       /* 7 8 9 - */
    "\033[D",  "",       "\033[C",  "+",       /* 4 5 6 + */
    "\033[F",  "\033[B", "\033[6~", "\033[2~", /* 1 2 3 0 */
    "\033[3~",                                 /* . */
};

static struct {
    bool shift[2], ctrl, alt; /* held down */
    bool caps;                /* on */
    bool is_extended;         /* the last byte was the prefix 0xe0 */
} keys;

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Returns the character of a key, given the modifier keys that are held down; 0: none. */
static char character_of(uint8_t code)
{
    if (code >= sizeof(plain))
        return 0;
    bool shift = keys.shift[0] || keys.shift[1];
    if (is_letter(plain[code]) && keys.caps)
        shift = !shift;
    char c = shift ? shifted[code] : plain[code];
    return keys.ctrl && c >= '@' && c < '\177' ? c & 0x1f : c;
}

static void type_character(char c)
{
    char text[2] = {ESC, c};

    if (c)
        input_put(keys.alt ? text : text + 1, keys.alt ? 2 : 1);
}

/* Records Shift, Ctrl, Alt and Caps Lock. Returns false if `code` is none of them. */
static bool update_modifier(uint8_t code, bool is_pressed)
{
    switch (code) {
    case CODE_LSHIFT:
    case CODE_RSHIFT:
        keys.shift[code == CODE_RSHIFT] = is_pressed;
        return true;
    case CODE_CTRL:
        keys.ctrl = is_pressed;
        return true;
    case CODE_ALT:
        keys.alt = is_pressed;
        return true;
    case CODE_CAPS:
        keys.caps ^= is_pressed;
        return true;
    }
    return false;
}

/* The keyboard sends a Shift of its own before and after some extended keys. */
static bool is_false_shift(uint8_t code, bool is_extended)
{
    return is_extended && (code == CODE_LSHIFT || code == CODE_RSHIFT);
}

static void receive_scan_code(uint8_t byte)
{
    uint8_t code = byte & ~RELEASED;
    bool is_pressed = !(byte & RELEASED), is_extended = keys.is_extended;

    keys.is_extended = byte == EXTENDED;
    if (keys.is_extended || is_false_shift(code, is_extended) ||
        update_modifier(code, is_pressed) || !is_pressed)
        return;
    if (code >= CODE_KEYPAD && code < CODE_KEYPAD + ARRAY_SIZE(keypad))
        input_put(keypad[code - CODE_KEYPAD], strlen(keypad[code - CODE_KEYPAD]));
    else
        type_character(is_extended && code == CODE_SLASH ? '/' : character_of(code));
}

void keyboard_interrupt(void)
{
    uint8_t status;

    while ((status = port_read8(STATUS)) & STATUS_RECEIVED) {
        uint8_t byte = port_read8(DATA);
        if (!(status & STATUS_MOUSE))
            receive_scan_code(byte);
    }
}

/* Waits until the status bits in `mask` equal `value`; gives up after MAX_POLLS. */
static void controller_wait(uint8_t mask, uint8_t value)
{
    for (unsigned i = 0; i < MAX_POLLS && (port_read8(STATUS) & mask) != value; i++)
        cpu_relax();
}

static void controller_send(uint16_t port, uint8_t byte)
{
    controller_wait(STATUS_BUSY, 0);
    port_write8(port, byte);
}

static uint8_t read_config(void)
{
    controller_send(COMMAND, READ_CONFIG);
    controller_wait(STATUS_RECEIVED, STATUS_RECEIVED);
    return port_read8(DATA);
}

/* Drops the bytes that the firmware left unread. */
static void controller_drain(void)
{
    for (unsigned i = 0; i < MAX_PENDING && port_read8(STATUS) & STATUS_RECEIVED; i++)
        port_read8(DATA);
}

void keyboard_init(void)
{
    if (port_read8(STATUS) == STATUS_ABSENT)
        return;
    controller_send(COMMAND, DISABLE_KEYBOARD);
    controller_send(COMMAND, DISABLE_MOUSE);
    controller_drain();
    uint8_t config = read_config() & ~(CONFIG_MOUSE_IRQ | CONFIG_KEYBOARD_OFF);
    controller_send(COMMAND, WRITE_CONFIG);
    controller_send(DATA, config | CONFIG_IRQ | CONFIG_TRANSLATE);
    irq_route(KEYBOARD_IRQ); /* before a byte can come: an edge while the line is masked is lost */
    controller_send(COMMAND, ENABLE_KEYBOARD);
    controller_send(DATA, KEYBOARD_START); /* the answer, 0xfa, reads as the release of no key */
}
