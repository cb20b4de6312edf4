/* Reads keys. A key without a character arrives as an escape sequence, as on a VT100:

       ESC [ A   ESC O A     up; B down, C right, D left, H home, F end
       ESC [ n ~             n = 1, 7 home; 3 delete; 4, 8 end
       ESC [ n ; m R         the answer to keys_ask_size: n rows, m columns */
#include "keys.h"

#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "../lib/files.h"
#include "../lib/size.h"

enum { ROWS_MIN = 2, COLUMNS_MIN = 8, NUMBERS = 2 };

static struct termios modes_before;
static bool is_size_asked; /* and not told yet */

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

void keys_ask_size(void)
{
    static const char question[] = TERMINAL_SIZE_QUESTION;

    is_size_asked = true;
    write_all(STDERR_FILENO, question, strlen(question));
}

/* Takes the answer to keys_ask_size. Shift-F3 looks like the answer of a tiny terminal. */
static int size_take(int rows, int columns)
{
    const struct winsize size = {.ws_row = rows, .ws_col = columns};

    if (!is_size_asked || rows < ROWS_MIN || columns < COLUMNS_MIN)
        return KEY_UNKNOWN;
    is_size_asked = false;
    return ioctl(STDIN_FILENO, TIOCSWINSZ, &size) == 0 ? KEY_SIZE : KEY_UNKNOWN;
}

/* Reads a sequence after ESC [: numbers with semicolons between them, and a last byte. Returns the
   key. */
static int sequence_read(void)
{
    int byte = byte_read(), numbers[NUMBERS] = {0};
    unsigned n = 0;

    for (; (byte >= '0' && byte <= '9') || byte == ';'; byte = byte_read()) {
        if (byte == ';')
            n++;
        else if (n < NUMBERS)
            numbers[n] = (numbers[n] * 10 + byte - '0') % 10000;
    }
    if (byte == 'R')
        return size_take(numbers[0], numbers[1]);
    return byte == '~' ? key_of_number(numbers[0]) : key_of_letter(byte);
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
