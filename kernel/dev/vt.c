/* The terminal's screen in memory (vt.h).

       BEL                 nothing              ESC [ n A, B, C, D   up, down, right, left
       BS, CR              to the left          ESC [ n G, n d       to a column, to a row
       HT                  to the next tab      ESC [ n ; n H or f   to a row and column
       LF, VT, FF          down, or scroll      ESC [ n J, n K       erase screen, line: 0 from the
       ESC D, ESC E        LF; CR LF                                 cursor, 1 up to it, 2 all
       ESC M               up                   ESC [ n ; ... m      colours, bold, reverse
       ESC 7, ESC 8        save, restore        ESC [ s, ESC [ u     save, restore the cursor
       ESC c               all as at first      ESC [ ? 25 h, l      show, hide the cursor

   Other sequences are ignored. A UTF-8 sequence beyond ASCII shows as one "?".

   Always true: row < rows, column < columns, and every cell within them holds a printable
   character. Sources: ECMA-48; DEC VT100 User Guide, chapter 3. */
#include <lib/string.h>
#include "vt.h"

#define ESC         0x1b
#define TAB_COLUMNS 8u
#define MAX_PARAM   9999u

#define DEFAULT_FOREGROUND 7
#define DEFAULT_BACKGROUND 0
#define BRIGHT             8

/* ---- Cells ---- */

/* Translates a colour: red is the lowest bit in ANSI, but the highest of three in the VGA. */
static unsigned vga_colour(unsigned ansi)
{
    return (ansi & 1) << 2 | (ansi & 2) | (ansi & 4) >> 2 | (ansi & BRIGHT);
}

static uint16_t make_cell(const struct vt *vt, uint8_t c)
{
    unsigned front = vt->foreground | (vt->is_bold ? BRIGHT : 0);
    unsigned back = vt->background;

    if (vt->is_reverse) {
        unsigned swap = front;
        front = back;
        back = swap;
    }
    return c | vga_colour(front) << 8 | vga_colour(back & ~BRIGHT) << 12;
}

/* Blanks the cells [from, to), which are numbered row by row. */
static void erase(struct vt *vt, unsigned from, unsigned to)
{
    uint16_t blank = make_cell(vt, ' ');

    for (unsigned at = from; at < to; at++)
        vt->cells[at / vt->columns][at % vt->columns] = blank;
}

static void scroll(struct vt *vt)
{
    memmove(vt->cells[0], vt->cells[1], (vt->rows - 1) * sizeof(vt->cells[0]));
    erase(vt, (vt->rows - 1) * vt->columns, vt->rows * vt->columns);
}

uint16_t vt_cell(const struct vt *vt, unsigned row, unsigned column)
{
    uint16_t cell = vt->cells[row][column];

    if (vt->is_cursor_hidden || row != vt->row || column != vt->column)
        return cell;
    return (cell & 0xff) | (cell >> 4 & 0x700) | (cell << 4 & 0x7000);
}

/* ---- The cursor ---- */

static void move_to(struct vt *vt, unsigned row, unsigned column)
{
    vt->row = min(row, vt->rows - 1);
    vt->column = min(column, vt->columns - 1);
    vt->is_line_full = false;
}

/* Returns a - b, or 0 if that is negative. */
static unsigned minus(unsigned a, unsigned b)
{
    return a > b ? a - b : 0;
}

static void line_feed(struct vt *vt)
{
    if (vt->row == vt->rows - 1)
        scroll(vt);
    move_to(vt, vt->row + 1, vt->column);
}

static void save_cursor(struct vt *vt)
{
    vt->saved_row = vt->row;
    vt->saved_column = vt->column;
}

/* ---- Colours: ESC [ n m ---- */

static void reset_colours(struct vt *vt)
{
    vt->foreground = DEFAULT_FOREGROUND;
    vt->background = DEFAULT_BACKGROUND;
    vt->is_bold = vt->is_reverse = false;
}

static void set_attribute(struct vt *vt, unsigned n)
{
    switch (n) {
    case 0:
        reset_colours(vt);
        break;
    case 1:
        vt->is_bold = true;
        break;
    case 7:
        vt->is_reverse = true;
        break;
    case 22:
        vt->is_bold = false;
        break;
    case 27:
        vt->is_reverse = false;
        break;
    case 30 ... 37:
        vt->foreground = n - 30;
        break;
    case 39:
        vt->foreground = DEFAULT_FOREGROUND;
        break;
    case 40 ... 47:
        vt->background = n - 40;
        break;
    case 49:
        vt->background = DEFAULT_BACKGROUND;
        break;
    case 90 ... 97:
        vt->foreground = n - 90 + BRIGHT;
        break;
    case 100 ... 107:
        vt->background = n - 100 + BRIGHT;
        break;
    }
}

/* 38 and 48 begin a colour of a larger palette, and the numbers behind them belong to it. */
static void set_attributes(struct vt *vt)
{
    for (unsigned i = 0; i < vt->nparams; i++) {
        if (vt->params[i] == 38 || vt->params[i] == 48)
            return;
        set_attribute(vt, vt->params[i]);
    }
}

/* ---- Escape sequences ---- */

/* Returns number `i` of the sequence; 1 if it is missing or 0. */
static unsigned param(const struct vt *vt, unsigned i)
{
    return i < vt->nparams && vt->params[i] ? vt->params[i] : 1;
}

/* Erases the part of [first, last), around the cursor, that the number of ESC [ n J or K selects.
   */
static void erase_around_cursor(struct vt *vt, unsigned first, unsigned last)
{
    unsigned here = vt->row * vt->columns + vt->column;

    if (vt->params[0] == 0)
        first = here;
    else if (vt->params[0] == 1)
        last = here + 1;
    erase(vt, first, last);
}

static void show_cursor(struct vt *vt, bool show)
{
    if (vt->is_private && vt->params[0] == 25)
        vt->is_cursor_hidden = !show;
}

static void run_sequence(struct vt *vt, char command)
{
    unsigned n = param(vt, 0);

    switch (command) {
    case 'A':
        move_to(vt, minus(vt->row, n), vt->column);
        break;
    case 'B':
        move_to(vt, vt->row + n, vt->column);
        break;
    case 'C':
        move_to(vt, vt->row, vt->column + n);
        break;
    case 'D':
        move_to(vt, vt->row, minus(vt->column, n));
        break;
    case 'G':
        move_to(vt, vt->row, n - 1);
        break;
    case 'd':
        move_to(vt, n - 1, vt->column);
        break;
    case 'H':
    case 'f':
        move_to(vt, n - 1, param(vt, 1) - 1);
        break;
    case 'J':
        erase_around_cursor(vt, 0, vt->rows * vt->columns);
        break;
    case 'K':
        erase_around_cursor(vt, vt->row * vt->columns, (vt->row + 1) * vt->columns);
        break;
    case 'm':
        set_attributes(vt);
        break;
    case 's':
        save_cursor(vt);
        break;
    case 'u':
        move_to(vt, vt->saved_row, vt->saved_column);
        break;
    case 'h':
    case 'l':
        show_cursor(vt, command == 'h');
        break;
    }
}

static void begin_sequence(struct vt *vt)
{
    vt->state = VT_SEQUENCE;
    vt->is_private = false;
    vt->nparams = 1;
    memset(vt->params, 0, sizeof(vt->params));
}

/* Handles the byte after ESC. */
static void escape(struct vt *vt, char c)
{
    vt->state = VT_TEXT;
    switch (c) {
    case '[':
        begin_sequence(vt);
        break;
    case '7':
        save_cursor(vt);
        break;
    case '8':
        move_to(vt, vt->saved_row, vt->saved_column);
        break;
    case 'D':
        line_feed(vt);
        break;
    case 'E':
        move_to(vt, vt->row, 0);
        line_feed(vt);
        break;
    case 'M':
        move_to(vt, minus(vt->row, 1), vt->column);
        break;
    case 'c':
        vt_init(vt, vt->rows, vt->columns);
        break;
    }
}

static void add_digit(struct vt *vt, char c)
{
    unsigned *last = &vt->params[vt->nparams - 1];

    *last = min(*last * 10 + (c - '0'), MAX_PARAM);
}

/* Handles a byte of a sequence: part of a number, or the letter that ends it (ECMA-48, 5.4). */
static void continue_sequence(struct vt *vt, char c)
{
    if (c >= '0' && c <= '9') {
        add_digit(vt, c);
    } else if (c == ';') {
        vt->nparams = min(vt->nparams + 1, VT_MAX_PARAMS);
    } else if (c == '?') {
        vt->is_private = true;
    } else if (c >= '@' && c <= '~') {
        vt->state = VT_TEXT;
        run_sequence(vt, c);
    }
}

/* ---- Bytes ---- */

static void put_character(struct vt *vt, uint8_t c)
{
    if (vt->is_line_full) {
        move_to(vt, vt->row, 0);
        line_feed(vt);
    }
    vt->cells[vt->row][vt->column] = make_cell(vt, c);
    vt->is_line_full = vt->column == vt->columns - 1;
    if (!vt->is_line_full)
        vt->column++;
}

static void put_control(struct vt *vt, uint8_t c)
{
    switch (c) {
    case '\b':
        move_to(vt, vt->row, minus(vt->column, 1));
        break;
    case '\t':
        move_to(vt, vt->row, round_down(vt->column, TAB_COLUMNS) + TAB_COLUMNS);
        break;
    case '\n':
    case '\v':
    case '\f':
        line_feed(vt);
        break;
    case '\r':
        move_to(vt, vt->row, 0);
        break;
    case ESC:
        vt->state = VT_ESCAPE;
        break;
    }
}

static void put_byte(struct vt *vt, uint8_t c)
{
    bool continues_utf8 = (c & 0xc0) == 0x80;

    if (c < ' ')
        put_control(vt, c);
    else if (vt->state == VT_ESCAPE)
        escape(vt, c);
    else if (vt->state == VT_SEQUENCE)
        continue_sequence(vt, c);
    else if (c < 0x7f)
        put_character(vt, c);
    else if (c > 0x7f && !continues_utf8)
        put_character(vt, '?');
}

void vt_write(struct vt *vt, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        put_byte(vt, text[i]);
}

void vt_init(struct vt *vt, unsigned rows, unsigned columns)
{
    memset(vt, 0, sizeof(*vt));
    vt->rows = rows;
    vt->columns = columns;
    reset_colours(vt);
    erase(vt, 0, rows * columns);
}
