/* The output of the terminal: c_oflag's processing, the column of the cursor, and its stops.

   Bytes are collected in `bytes` and sent by output_flush. While the output is stopped they stay
   there. Programs do not write then, so only echoes are kept.

   Lock: line.lock guards all of struct output. */
#pragma once

#include <asm/termbits.h>
#include <lib/base.h>

#define OUTPUT_SIZE 4096u

struct cursor {
    unsigned column;       /* from 0, if all characters are one column wide */
    unsigned canon_column; /* the column in which the line that is being typed begins */
};

struct output {
    struct cursor cursor; /* behind all that was added */
    struct cursor sent;   /* behind all that was sent */
    bool is_stopped;      /* by VSTOP or TCOOFF */
    bool is_suspended;    /* by TCOOFF, which only TCOON ends */
    unsigned len;         /* bytes that have not been sent */
    char bytes[OUTPUT_SIZE];
};

/* Adds one byte as it is, which moves the cursor by `columns`. */
void output_put_raw(struct output *output, uint8_t c, int columns);

/* Adds one byte, processed as c_oflag says. Bytes without room are dropped: echoes that no person
   sees, because the output is stopped. */
void output_put(struct output *output, const struct termios *termios, uint8_t c);

/* Drops what was added and not sent. */
void output_drop(struct output *output);

/* Sends what was added, unless the output is stopped. */
void output_flush(struct output *output);

/* Returns true for a byte in the middle of a UTF-8 sequence, if the terminal has UTF-8. */
static inline bool is_continuation(const struct termios *termios, uint8_t c)
{
    return (c & 0xc0) == 0x80 && (termios->c_iflag & IUTF8);
}

static inline bool is_control(uint8_t c)
{
    return c < ' ' || c == 0x7f;
}
