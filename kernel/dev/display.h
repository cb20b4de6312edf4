/* The screen's hardware: draws a cell (vt.h) where it is told to. No locks: screen.c has them. */
#pragma once

#include <lib/base.h>

/* Finds out what the boot loader left to draw on; false: nothing. */
__must_check bool display_init(unsigned *rows, unsigned *columns);

void display_draw(unsigned row, unsigned column, uint16_t cell);
