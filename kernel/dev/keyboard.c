/* The PS/2 keyboard, US layout: scan codes in, the bytes of a terminal's keyboard out.

   The controller translates to scan code set 1: a byte a key, bit 7 set when it is released, and a
   prefix of 0xe0 for the keys that the first PC did not have. The keypad is what NumLock off makes
   of it. Alt puts ESC before a key.

       Enter    CR       Up, Down, Right, Left    ESC [ A, B, C, D    Insert, Delete      ESC [ 2 ~, 3 ~
       Rubout   DEL      Home, End                ESC [ H, F          Page Up, Page Down  ESC [ 5 ~, 6 ~

   Locks: none. After keyboard_init only the interrupt handler, on one CPU, touches anything here.
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
#define STATUS_MOUSE    (1u << 5) /* what was received is the mouse's */
#define STATUS_ABSENT   0xff      /* nobody answers at this port */

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

#define MAX_POLLS   100000u
#define MAX_PENDING 64u

/* Scan codes. */
#define RELEASED    0x80
#define EXTENDED    0xe0
#define CODE_CTRL   0x1d
#define CODE_LSHIFT 0x2a
#define CODE_SLASH  0x35
#define CODE_RSHIFT 0x36
#define CODE_ALT    0x38
#define CODE_CAPS   0x3a
#define CODE_KEYPAD 0x47 /* the first of those that keypad[] is for */

#define ESC '\033'

/* By scan code; 0: no character. */
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
    bool is_extended;         /* the last byte was the prefix */
} keys;

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The character of a key, as the keys that are held down change it; 0: none. */
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

static void type(const char *text)
{
    input_put(text, strlen(text));
}

static void type_character(char c)
{
    char text[2] = {ESC, c};

    if (c)
        input_put(keys.alt ? text : text + 1, keys.alt ? 2 : 1);
}

/* Shift, Ctrl, Alt and Caps Lock; true if `code` is one of them. */
static bool is_modifier(uint8_t code, bool is_pressed)
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

/* The keyboard wraps a false Shift around some extended keys. */
static bool is_false_shift(uint8_t code, bool is_extended)
{
    return is_extended && (code == CODE_LSHIFT || code == CODE_RSHIFT);
}

static void receive(uint8_t byte)
{
    uint8_t code = byte & ~RELEASED;
    bool is_pressed = !(byte & RELEASED), is_extended = keys.is_extended;

    keys.is_extended = byte == EXTENDED;
    if (keys.is_extended || is_false_shift(code, is_extended) || is_modifier(code, is_pressed) ||
        !is_pressed)
        return;
    if (code >= CODE_KEYPAD && code < CODE_KEYPAD + ARRAY_SIZE(keypad))
        type(keypad[code - CODE_KEYPAD]);
    else
        type_character(is_extended && code == CODE_SLASH ? '/' : character_of(code));
}

void keyboard_interrupt(void)
{
    uint8_t status;

    while ((status = port_read8(STATUS)) & STATUS_RECEIVED) {
        uint8_t byte = port_read8(DATA);
        if (!(status & STATUS_MOUSE))
            receive(byte);
    }
}

/* Waits until the status has `bits` as wanted, or for long enough. */
static void wait_status(uint8_t bits, bool wanted)
{
    for (unsigned i = 0; i < MAX_POLLS; i++) {
        bool is_set = port_read8(STATUS) & bits;
        if (is_set == wanted)
            return;
        cpu_relax();
    }
}

static void send(uint16_t port, uint8_t byte)
{
    wait_status(STATUS_BUSY, false);
    port_write8(port, byte);
}

static uint8_t read_config(void)
{
    send(COMMAND, READ_CONFIG);
    wait_status(STATUS_RECEIVED, true);
    return port_read8(DATA);
}

/* Forgets what the firmware left unread. */
static void drain(void)
{
    for (unsigned i = 0; i < MAX_PENDING && port_read8(STATUS) & STATUS_RECEIVED; i++)
        port_read8(DATA);
}

void keyboard_init(void)
{
    if (port_read8(STATUS) == STATUS_ABSENT)
        return;
    send(COMMAND, DISABLE_KEYBOARD);
    send(COMMAND, DISABLE_MOUSE);
    drain();
    uint8_t config = read_config() & ~(CONFIG_MOUSE_IRQ | CONFIG_KEYBOARD_OFF);
    send(COMMAND, WRITE_CONFIG);
    send(DATA, config | CONFIG_IRQ | CONFIG_TRANSLATE);
    irq_route(KEYBOARD_IRQ); /* before anything can come: an edge while it is masked is lost */
    send(COMMAND, ENABLE_KEYBOARD);
    send(DATA, KEYBOARD_START); /* its acknowledgement, 0xfa, is a release of no key */
}
