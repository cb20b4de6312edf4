/* The output of the terminal (output.h). As on Linux, the column is that of a terminal that counts
   each character as one column, and each byte above 0x7f as in Latin-1. */
#include <arch/console.h>
#include "output.h"

#define TAB_COLUMNS 8

static bool is_lower(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 0xdf && c != 0xf7);
}

static void add_byte(struct output *output, uint8_t c)
{
    if (output->len == OUTPUT_SIZE)
        output_flush(output);
    if (output->len < OUTPUT_SIZE)
        output->bytes[output->len++] = c;
}

void output_put_raw(struct output *output, uint8_t c, int columns)
{
    add_byte(output, c);
    if (columns < 0 && output->cursor.column < (unsigned)-columns)
        output->cursor.column = 0;
    else
        output->cursor.column += columns;
}

/* The typed line begins anew where the cursor goes. */
static void set_column(struct output *output, unsigned column)
{
    output->cursor = (struct cursor){.column = column, .canon_column = column};
}

static void put_newline(struct output *output, tcflag_t flags)
{
    if (flags & ONLCR)
        add_byte(output, '\r');
    set_column(output, flags & (ONLCR | ONLRET) ? 0 : output->cursor.column);
    add_byte(output, '\n');
}

static void put_return(struct output *output, tcflag_t flags)
{
    if ((flags & ONOCR) && output->cursor.column == 0)
        return;
    if (!(flags & OCRNL) || (flags & ONLRET))
        set_column(output, 0);
    add_byte(output, flags & OCRNL ? '\n' : '\r');
}

static void put_tab(struct output *output, tcflag_t flags)
{
    unsigned columns = TAB_COLUMNS - output->cursor.column % TAB_COLUMNS;

    if ((flags & TABDLY) != XTABS)
        output_put_raw(output, '\t', columns);
    for (; (flags & TABDLY) == XTABS && columns > 0; columns--)
        output_put_raw(output, ' ', 1);
}

static void put_other(struct output *output, const struct termios *termios, uint8_t c)
{
    if ((termios->c_oflag & OLCUC) && is_lower(c))
        c -= 'a' - 'A';
    output_put_raw(output, c, !is_control(c) && !is_continuation(termios, c));
}

void output_put(struct output *output, const struct termios *termios, uint8_t c)
{
    tcflag_t flags = termios->c_oflag;

    if (!(flags & OPOST))
        add_byte(output, c);
    else if (c == '\n')
        put_newline(output, flags);
    else if (c == '\r')
        put_return(output, flags);
    else if (c == '\t')
        put_tab(output, flags);
    else if (c == '\b')
        output_put_raw(output, c, -1);
    else
        put_other(output, termios, c);
}

void output_flush(struct output *output)
{
    if (output->is_stopped)
        return;
    console_write(output->bytes, output->len);
    output->len = 0;
    output->sent = output->cursor;
}

void output_drop(struct output *output)
{
    output->len = 0;
    output->cursor = output->sent;
}
