/* The line that is being edited, and its display. */
#include "editline.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../lib/files.h"
#include "../lib/memory.h"
#include "linemem.h"

enum {
    COLUMNS_DEFAULT = 80,
    SIZE_FIRST = 1024,
    SIZE_MAX_OF_LINE = 128 * 1024, /* of one string that execve takes */
};

static void show(const char *bytes, size_t len)
{
    write_all(STDERR_FILENO, bytes, len);
}

void edit_show(const char *string)
{
    show(string, strlen(string));
}

/* ---- The screen ---- */

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Returns the columns that the bytes take: one for each character. */
static size_t width_of(const char *bytes, size_t len)
{
    size_t width = 0;

    for (size_t i = 0; i < len; i++)
        width += !is_continuation(bytes[i]);
    return width;
}

static size_t screen_columns(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : COLUMNS_DEFAULT;
}

size_t edit_next_character(const struct edit *edit, size_t at)
{
    do {
        at++;
    } while (at < edit->len && is_continuation(edit->text[at]));
    return at;
}

size_t edit_character_before(const struct edit *edit, size_t at)
{
    do {
        at--;
    } while (at > 0 && is_continuation(edit->text[at]));
    return at;
}

void edit_redraw(struct edit *edit)
{
    size_t columns = screen_columns(), prompt = width_of(edit->prompt, strlen(edit->prompt));
    size_t room = columns > prompt + 1 ? columns - prompt - 1 : 1;
    size_t first = edit->cursor;

    for (; first > 0 && room > 0; room--)
        first = edit_character_before(edit, first);
    size_t end = edit->cursor;
    for (; end < edit->len && room > 0; room--)
        end = edit_next_character(edit, end);
    edit->is_stale = false;
    size_t back = width_of(edit->text + edit->cursor, end - edit->cursor);
    const char *left = back > 0 ? line_format("\033[%zuD", back) : "";
    edit_show(line_format("\r%s%.*s\033[K%s", edit->prompt, (int)(end - first), edit->text + first,
                          left));
}

/* ---- Changes ---- */

void edit_begin(struct edit *edit)
{
    edit->size = SIZE_FIRST;
    edit->text = must_alloc(edit->size);
    edit->text[0] = '\0';
}

/* Makes room for a line of `len` bytes. Returns false, and rings the bell, if there can be none. */
static bool make_room(struct edit *edit, size_t len)
{
    size_t size = edit->size;

    while (size < len + 2)
        size *= 2;
    if (size == edit->size)
        return true;
    char *text = size <= SIZE_MAX_OF_LINE ? realloc(edit->text, size) : NULL;
    if (!text) {
        edit_show("\a");
        return false;
    }
    edit->text = text;
    edit->size = size;
    return true;
}

void edit_replace(struct edit *edit, const char *text)
{
    size_t len = strlen(text);

    if (!make_room(edit, len))
        return;
    memcpy(edit->text, text, len + 1);
    edit->len = len;
    edit->cursor = edit->len;
    edit_redraw(edit);
}

/* Returns true if the cursor is at the end of a line that fits, where a change needs no
   redrawing. */
static bool is_at_open_end(const struct edit *edit)
{
    return !edit->is_stale && edit->cursor == edit->len &&
           strlen(edit->prompt) + edit->len < screen_columns();
}

void edit_insert(struct edit *edit, const char *bytes, size_t len)
{
    if (!make_room(edit, edit->len + len))
        return;
    memmove(edit->text + edit->cursor + len, edit->text + edit->cursor,
            edit->len - edit->cursor + 1);
    memcpy(edit->text + edit->cursor, bytes, len);
    edit->cursor += len;
    edit->len += len;
    if (is_at_open_end(edit))
        show(bytes, len);
    else
        edit->is_stale = true; /* edit.c redraws when no key waits: pasted text is drawn once */
}

void edit_remove(struct edit *edit, size_t from, size_t to)
{
    memmove(edit->text + from, edit->text + to, edit->len - to + 1);
    edit->len -= to - from;
    edit->cursor = from;
    edit_redraw(edit);
}

void edit_rub_out(struct edit *edit)
{
    if (edit->cursor == 0)
        return;
    size_t from = edit_character_before(edit, edit->cursor);
    if (!is_at_open_end(edit)) {
        edit_remove(edit, from, edit->cursor);
        return;
    }
    edit->text[edit->len = edit->cursor = from] = '\0';
    edit_show("\b \b");
}

void edit_move_to(struct edit *edit, size_t at)
{
    edit->cursor = at;
    edit_redraw(edit);
}

void edit_remove_word(struct edit *edit)
{
    size_t from = edit->cursor;

    while (from > 0 && edit->text[from - 1] == ' ')
        from--;
    while (from > 0 && edit->text[from - 1] != ' ')
        from--;
    edit_remove(edit, from, edit->cursor);
}
