/* A terminal's screen in memory: bytes go in, cells come out. It understands what programs commonly
   send, a small part of the VT100 (vt.c lists it). No hardware and no locks: screen.c has them.

   A cell is what VGA text memory calls one: the character in the low byte, then 4 bits of
   foreground and 3 of background colour. Characters are printable ASCII. */
#pragma once

#include <lib/base.h>

#define VT_MAX_ROWS    64u
#define VT_MAX_COLUMNS 160u

#define VT_MAX_PARAMS 8u

enum vt_state { VT_TEXT, VT_ESCAPE, VT_SEQUENCE };

struct vt {
    unsigned rows, columns; /* at most VT_MAX_ROWS, VT_MAX_COLUMNS */
    unsigned row, column;   /* of the cursor */
    unsigned saved_row, saved_column;
    bool is_line_full; /* the last column was written: the next character begins a new line */
    bool is_cursor_hidden;
    uint8_t foreground, background; /* ANSI colours, 0-7; from 8 on their bright variants */
    bool is_bold, is_reverse;

    enum vt_state state; /* of an escape sequence that has begun */
    bool is_private;     /* its first character was "?" */
    unsigned nparams;    /* numbers in it so far, with the one being read */
    unsigned params[VT_MAX_PARAMS];

    uint16_t cells[VT_MAX_ROWS][VT_MAX_COLUMNS];
};

void vt_init(struct vt *vt, unsigned rows, unsigned columns);

void vt_write(struct vt *vt, const char *text, size_t len);

/* The cell to be shown: the one under the cursor has its colours swapped. */
uint16_t vt_cell(const struct vt *vt, unsigned row, unsigned column);
