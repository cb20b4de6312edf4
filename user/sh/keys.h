/* The keyboard: the terminal's raw mode, and the meaning of each key's bytes. */
#pragma once

#include <stdbool.h>

/* Other bytes stand for themselves: letters, control characters (Ctrl-A is 1), and the parts of a
   UTF-8 sequence. */
enum key {
    KEY_END_OF_INPUT = -1,
    KEY_CTRL_A = 1,
    KEY_CTRL_B = 2,
    KEY_CTRL_C = 3,
    KEY_CTRL_D = 4,
    KEY_CTRL_E = 5,
    KEY_CTRL_F = 6,
    KEY_BACKSPACE = 8,
    KEY_TAB = 9,
    KEY_CTRL_J = 10,
    KEY_CTRL_K = 11,
    KEY_CTRL_L = 12,
    KEY_ENTER = 13,
    KEY_CTRL_N = 14,
    KEY_CTRL_P = 16,
    KEY_CTRL_U = 21,
    KEY_CTRL_W = 23,
    KEY_ESCAPE = 27,
    KEY_RUBOUT = 127,
    KEY_UP = 256,
    KEY_DOWN,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_HOME,
    KEY_END,
    KEY_DELETE,
    KEY_UNKNOWN,
    KEY_SIZE, /* the terminal has told its size, which it has now */
};

/* Asks the terminal for its size. The answer arrives among the keys, so nobody waits for it, and a
   terminal that does not answer does no harm. */
void keys_ask_size(void);

/* Makes the terminal deliver every key at once, without echo, until keys_end. Returns false if the
   terminal cannot. */
bool keys_begin(void);
void keys_end(void);

int key_read(void);

/* Returns true if key_read would not wait. */
bool key_is_waiting(void);
