/* The display, the screen's hardware: draws cells (vt.h). No locks of its own: the caller,
   screen.c, holds the console's. */
#pragma once

#include <lib/base.h>

/* Sets the display up as the boot loader describes it, and returns its size in cells. Returns false
   if there is no display. */
__must_check bool display_init(unsigned *rows, unsigned *columns);

/* Draws one cell. */
void display_draw(unsigned row, unsigned column, uint16_t cell);
