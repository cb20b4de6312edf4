/* The size of a terminal, which a terminal on a serial line can only tell itself. */
#pragma once

/* Makes the terminal answer with ESC [ rows ; columns R. The cursor is saved, moved as far to the
   right and down as it goes, asked for its place, and restored. */
#define TERMINAL_SIZE_QUESTION "\0337\033[999;999H\033[6n\0338"
