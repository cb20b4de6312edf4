/* Reads keys. A key without a character arrives as an escape sequence, as on a VT100:

       ESC [ A   ESC O A     up; B down, C right, D left, H home, F end
       ESC [ n ~             n = 1, 7 home; 3 delete; 4, 8 end */
#include "keys.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios modes_before;

bool keys_begin(void)
{
    if (tcgetattr(STDIN_FILENO, &modes_before) < 0)
        return false;
    struct termios raw = modes_before;
    raw.c_lflag &= ~(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= ~(ICRNL | INLCR | IXON);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    return tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void keys_end(void)
{
    tcsetattr(STDIN_FILENO, TCSADRAIN, &modes_before);
}

static int byte_read(void)
{
    unsigned char byte;

    return read(STDIN_FILENO, &byte, 1) == 1 ? byte : KEY_END_OF_INPUT;
}

static int key_of_letter(int letter)
{
    switch (letter) {
    case 'A':
        return KEY_UP;
    case 'B':
        return KEY_DOWN;
    case 'C':
        return KEY_RIGHT;
    case 'D':
        return KEY_LEFT;
    case 'H':
        return KEY_HOME;
    case 'F':
        return KEY_END;
    default:
        return KEY_UNKNOWN;
    }
}

static int key_of_number(int number)
{
    switch (number) {
    case 1:
    case 7:
        return KEY_HOME;
    case 3:
        return KEY_DELETE;
    case 4:
    case 8:
        return KEY_END;
    default:
        return KEY_UNKNOWN;
    }
}

/* Reads a sequence after ESC [: numbers with semicolons between them, and a last byte. The first
   number counts. Returns the key. */
static int sequence_read(void)
{
    int byte = byte_read(), number = 0;
    bool is_first = true;

    for (; (byte >= '0' && byte <= '9') || byte == ';'; byte = byte_read()) {
        is_first = is_first && byte != ';';
        if (is_first)
            number = (number * 10 + byte - '0') % 1000;
    }
    return byte == '~' ? key_of_number(number) : key_of_letter(byte);
}

int key_read(void)
{
    int byte = byte_read();

    if (byte != KEY_ESCAPE)
        return byte;
    byte = byte_read();
    if (byte == '[')
        return sequence_read();
    return byte == 'O' ? key_of_letter(byte_read()) : KEY_UNKNOWN;
}

bool key_is_waiting(void)
{
    int count = 0;

    return ioctl(STDIN_FILENO, FIONREAD, &count) == 0 && count > 0;
}
