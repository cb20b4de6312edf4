/* The line that is being typed: the ring that holds it, how it is shown, and how it is erased.

   The ring holds, from the oldest byte on: input that may be read [head, committed), and the line
   that is still being typed [committed, tail), which erasing can reach. */
#pragma once

#include <asm/termbits.h>
#include <lib/base.h>
#include "output.h"

#define TYPED_SIZE 4096u /* a power of two */

/* Bits above a byte in the ring: it ends a line; it was VEOF, and is not a part of the line. A
   program that reads without regard to lines finds a 0 for VEOF, as on Linux. */
#define TYPED_END 0x100
#define TYPED_EOF (TYPED_END | 0x200)

/* Lock: line.lock guards all of it. */
struct typed {
    unsigned head, committed, tail; /* counts that only grow; at most TYPED_SIZE apart */
    bool is_next_literal;           /* VLNEXT was typed */
    bool is_erasing;                /* ECHOPRT: erased characters are shown, behind a '\' */
    struct output output;           /* where it is shown */
    struct termios termios;         /* the settings */
    uint16_t ring[TYPED_SIZE];      /* by the low bits of the counts */
};

static inline uint16_t *typed_at(struct typed *typed, unsigned n)
{
    return &typed->ring[n % TYPED_SIZE];
}

static inline bool has_lflags(const struct typed *typed, tcflag_t flags)
{
    return (typed->termios.c_lflag & flags) == flags;
}

/* Shows a typed character, if ECHO is set: a control character as ^X if ECHOCTL is set. */
void echo_typed(struct typed *typed, uint8_t c);

/* Shows a character that ends the line, or sends a signal. */
void echo_end(struct typed *typed, uint8_t c);

/* Ends the line on the screen, whatever ECHO says. */
void echo_newline(struct typed *typed);

/* Shows that the next character is taken literally. */
void echo_literal_next(struct typed *typed);

/* Shows the line that is being typed once more. `c` is VREPRINT. */
void echo_line(struct typed *typed, uint8_t c);

/* Erase characters of the line that is being typed: the last one, the last word, all. `c` is the
   character that asks for it. */
void erase_character(struct typed *typed, uint8_t c);
void erase_word(struct typed *typed, uint8_t c);
void erase_line(struct typed *typed, uint8_t c);
