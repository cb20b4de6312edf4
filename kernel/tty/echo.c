/* What a person sees of the line that is being typed (echo.h), as Linux shows it.

   A character is erased from the screen by moving the cursor back over it. A tab is as wide as its
   place on the screen makes it, so its erasure needs the column in which the line begins.

   Lock: the caller holds line.lock. */
#include "echo.h"

#define TAB_COLUMNS 8

/* In Latin-1, as Linux has it. */
static bool is_word_character(uint8_t c)
{
    uint8_t lower = c | 0x20;

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}

/* Shows a character as a typed one, whatever ECHO says. */
static void show(struct typed *typed, uint8_t c)
{
    if (is_control(c) && c != '\t' && has_lflags(typed, ECHOCTL)) {
        output_put_raw(&typed->output, '^', 1);
        output_put_raw(&typed->output, c ^ 0x40, 1);
    } else if (c == 0xff) {
        output_put_raw(&typed->output, c, 1);
    } else {
        output_put(&typed->output, &typed->termios, c);
    }
}

static void show_raw(struct typed *typed, char c)
{
    output_put(&typed->output, &typed->termios, c);
}

/* ECHOPRT: ends the list of erased characters. */
static void finish_erasing(struct typed *typed)
{
    if (typed->is_erasing)
        show_raw(typed, '/');
    typed->is_erasing = false;
}

void echo_end(struct typed *typed, uint8_t c)
{
    if (!has_lflags(typed, ECHO))
        return;
    if (typed->committed == typed->tail)
        typed->output.cursor.canon_column = typed->output.cursor.column;
    show(typed, c);
}

void echo_typed(struct typed *typed, uint8_t c)
{
    if (has_lflags(typed, ECHO))
        finish_erasing(typed);
    echo_end(typed, c);
}

void echo_newline(struct typed *typed)
{
    show_raw(typed, '\n');
}

void echo_literal_next(struct typed *typed)
{
    if (!has_lflags(typed, ECHO))
        return;
    finish_erasing(typed);
    if (!has_lflags(typed, ECHOCTL))
        return;
    show_raw(typed, '^');
    show_raw(typed, '\b');
}

void echo_line(struct typed *typed, uint8_t c)
{
    finish_erasing(typed);
    show(typed, c);
    show_raw(typed, '\n');
    for (unsigned n = typed->committed; n != typed->tail; n++)
        show(typed, *typed_at(typed, n));
}

/* ---- Erasing ---- */

static void move_back(struct typed *typed, unsigned columns)
{
    for (; columns > 0; columns--)
        output_put_raw(&typed->output, '\b', -1);
}

/* Erases a tab that was the last character, and which is no longer in the ring: moves the cursor
   back to the end of what stands before it. */
static void unshow_tab(struct typed *typed)
{
    unsigned columns = 0, n = typed->tail;
    bool is_after_tab = false;

    while (n != typed->committed && !is_after_tab) {
        uint8_t c = *typed_at(typed, --n);
        is_after_tab = c == '\t';
        if (is_after_tab)
            break;
        if (is_control(c))
            columns += has_lflags(typed, ECHOCTL) ? 2 : 0;
        else
            columns += !is_continuation(&typed->termios, c);
    }
    if (!is_after_tab)
        columns += typed->output.cursor.canon_column;
    move_back(typed, TAB_COLUMNS - columns % TAB_COLUMNS);
}

static void unshow_column(struct typed *typed)
{
    show_raw(typed, '\b');
    show_raw(typed, ' ');
    show_raw(typed, '\b');
}

/* Removes a character from the screen. */
static void unshow(struct typed *typed, uint8_t c)
{
    bool is_shown_as_two = is_control(c) && has_lflags(typed, ECHOCTL);

    if (c == '\t') {
        unshow_tab(typed);
        return;
    }
    if (is_shown_as_two)
        unshow_column(typed);
    if (is_shown_as_two || !is_control(c))
        unshow_column(typed);
}

/* ECHOPRT: shows the erased character of `len` bytes, whose first byte is `c`. */
static void show_erased(struct typed *typed, uint8_t c, unsigned len)
{
    if (!typed->is_erasing)
        show_raw(typed, '\\');
    typed->is_erasing = true;
    show(typed, c);
    for (unsigned n = 1; n < len; n++) {
        show_raw(typed, *typed_at(typed, typed->tail + n));
        if (typed->output.cursor.column > 0)
            typed->output.cursor.column--;
    }
}

/* Returns the length of the last character: one byte, or a sequence of UTF-8. Returns 0 if the line
   has only the rest of a sequence, or nothing. */
static unsigned last_length(struct typed *typed)
{
    for (unsigned n = typed->tail; n != typed->committed;)
        if (!is_continuation(&typed->termios, *typed_at(typed, --n)))
            return typed->tail - n;
    return 0;
}

/* Erases the last character, of `len` bytes. `erase` is VERASE if it asked for that, or 0. */
static void erase_last(struct typed *typed, unsigned len, uint8_t erase)
{
    typed->tail -= len;
    uint8_t c = *typed_at(typed, typed->tail);
    if (!has_lflags(typed, ECHO))
        return;
    if (has_lflags(typed, ECHOPRT))
        show_erased(typed, c, len);
    else if (erase && !has_lflags(typed, ECHOE))
        show(typed, erase);
    else
        unshow(typed, c);
}

static void end_erasure(struct typed *typed)
{
    if (typed->tail == typed->committed && has_lflags(typed, ECHO))
        finish_erasing(typed);
}

void erase_character(struct typed *typed, uint8_t c)
{
    unsigned len = last_length(typed);

    if (typed->tail == typed->committed)
        return;
    if (len)
        erase_last(typed, len, c);
    end_erasure(typed);
}

void erase_word(struct typed *typed, uint8_t c __unused)
{
    bool has_word = false;
    unsigned len;

    if (typed->tail == typed->committed)
        return;
    while ((len = last_length(typed))) {
        bool is_word = is_word_character(*typed_at(typed, typed->tail - len));
        if (has_word && !is_word)
            break;
        has_word |= is_word;
        erase_last(typed, len, 0);
    }
    end_erasure(typed);
}

/* Without ECHOE, ECHOK and ECHOKE the characters stay on the screen, behind VKILL. */
void erase_line(struct typed *typed, uint8_t c)
{
    unsigned len;

    if (typed->tail == typed->committed)
        return;
    if (has_lflags(typed, ECHO) && !has_lflags(typed, ECHOE | ECHOK | ECHOKE)) {
        typed->tail = typed->committed;
        finish_erasing(typed);
        show(typed, c);
        if (has_lflags(typed, ECHOK))
            show_raw(typed, '\n');
        return;
    }
    if (!has_lflags(typed, ECHO))
        typed->tail = typed->committed;
    while ((len = last_length(typed)))
        erase_last(typed, len, 0);
    end_erasure(typed);
}
