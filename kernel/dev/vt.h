/* A terminal's screen in memory: turns the bytes that programs send into cells. It understands a
   small part of the VT100, which vt.c lists. It needs no hardware; the caller, screen.c, holds the
   lock.

   A cell has the format of VGA text memory: the character in the low byte, then 4 bits of
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
    bool is_line_full; /* the last column was written: the next character starts a new line */
    bool is_cursor_hidden;
    uint8_t foreground, background; /* ANSI colours 0-7; 8-15 are the bright ones */
    bool is_bold, is_reverse;

    enum vt_state state; /* how far an escape sequence has come */
    bool is_private;     /* its first character was "?" */
    unsigned nparams;    /* its numbers so far, including the one being read */
    unsigned params[VT_MAX_PARAMS];

    uint16_t cells[VT_MAX_ROWS][VT_MAX_COLUMNS];
};

/* Makes a blank screen, with the cursor at the top left. */
void vt_init(struct vt *vt, unsigned rows, unsigned columns);

/* Handles `len` bytes of output. */
void vt_write(struct vt *vt, const char *text, size_t len);

/* Returns the cell to show at a place: under the cursor, with its colours swapped. */
uint16_t vt_cell(const struct vt *vt, unsigned row, unsigned column);
