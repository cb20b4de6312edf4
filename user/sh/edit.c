/* The line editor: keys change the line, and the line is shown anew, in one row of the screen, of
   which a long line shows a part. */
#include "edit.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../lib/files.h"
#include "complete.h"
#include "history.h"
#include "keys.h"
#include "linemem.h"
#include "variables.h"

enum { COLUMNS_DEFAULT = 80 };

struct edit {
    const char *prompt;
    char *text;         /* terminated */
    size_t size;        /* bytes, of which two are for a newline and the end */
    size_t len, cursor; /* bytes */
    unsigned age;       /* of the line of the history that it was; 0: a new one */
    char *draft;        /* in line memory: the new one, while an old one is shown */
    bool is_done;
};

bool edit_is_possible(void)
{
    const char *terminal = variable_get("TERM");

    return isatty(STDIN_FILENO) && !(terminal && strcmp(terminal, "dumb") == 0);
}

static void show(const char *bytes, size_t len)
{
    write_all(STDERR_FILENO, bytes, len);
}

static void show_string(const char *string)
{
    show(string, strlen(string));
}

/* ---- The screen ---- */

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Columns that the bytes take: one a character. */
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

static size_t next_character(const struct edit *edit, size_t at)
{
    do {
        at++;
    } while (at < edit->len && is_continuation(edit->text[at]));
    return at;
}

static size_t character_before(const struct edit *edit, size_t at)
{
    do {
        at--;
    } while (at > 0 && is_continuation(edit->text[at]));
    return at;
}

/* Shows the line as it is now: as much of it as there is room for, with the cursor in it. */
static void redraw(const struct edit *edit)
{
    size_t columns = screen_columns(), prompt = width_of(edit->prompt, strlen(edit->prompt));
    size_t room = columns > prompt + 1 ? columns - prompt - 1 : 1;
    size_t first = 0, end = edit->len;

    while (width_of(edit->text + first, edit->cursor - first) > room)
        first = next_character(edit, first);
    while (end > edit->cursor && width_of(edit->text + first, end - first) > room)
        end = character_before(edit, end);
    size_t back = width_of(edit->text + edit->cursor, end - edit->cursor);
    const char *left = back > 0 ? line_format("\033[%zuD", back) : "";
    show_string(line_format("\r%s%.*s\033[K%s", edit->prompt, (int)(end - first),
                            edit->text + first, left));
}

/* ---- Changes ---- */

static void replace_all(struct edit *edit, const char *text)
{
    edit->len = strlen(text) < edit->size - 2 ? strlen(text) : edit->size - 2;
    memcpy(edit->text, text, edit->len);
    edit->text[edit->len] = '\0';
    edit->cursor = edit->len;
    redraw(edit);
}

/* Whether the cursor stands behind the end of a line that fits: a change there needs no redrawing. */
static bool is_at_open_end(const struct edit *edit)
{
    return edit->cursor == edit->len && strlen(edit->prompt) + edit->len < screen_columns();
}

static void insert(struct edit *edit, const char *bytes, size_t len)
{
    if (edit->len + len > edit->size - 2)
        return;
    memmove(edit->text + edit->cursor + len, edit->text + edit->cursor,
            edit->len - edit->cursor + 1);
    memcpy(edit->text + edit->cursor, bytes, len);
    edit->cursor += len;
    edit->len += len;
    if (is_at_open_end(edit))
        show(bytes, len);
    else
        redraw(edit);
}

static void remove_range(struct edit *edit, size_t from, size_t to)
{
    memmove(edit->text + from, edit->text + to, edit->len - to + 1);
    edit->len -= to - from;
    edit->cursor = from;
    redraw(edit);
}

/* Removes the character before the cursor. */
static void rub_out(struct edit *edit)
{
    if (edit->cursor == 0)
        return;
    size_t from = character_before(edit, edit->cursor);
    if (!is_at_open_end(edit)) {
        remove_range(edit, from, edit->cursor);
        return;
    }
    edit->text[edit->len = edit->cursor = from] = '\0';
    show_string("\b \b");
}

static void move_to(struct edit *edit, size_t at)
{
    edit->cursor = at;
    redraw(edit);
}

static void remove_word(struct edit *edit)
{
    size_t from = edit->cursor;

    while (from > 0 && edit->text[from - 1] == ' ')
        from--;
    while (from > 0 && edit->text[from - 1] != ' ')
        from--;
    remove_range(edit, from, edit->cursor);
}

static void show_from_history(struct edit *edit, unsigned age)
{
    const char *line = age > 0 ? history_get(age) : edit->draft;

    if (!line)
        return;
    if (edit->age == 0)
        edit->draft = line_copy(edit->text, edit->len);
    edit->age = age;
    replace_all(edit, line);
}

static void show_names(const struct edit *edit, const struct completion *completion)
{
    show_string("\n");
    for (size_t i = 0; i < completion->count; i++)
        show_string(
            line_format("%s%s", completion->names[i], i + 1 < completion->count ? "  " : "\n"));
    redraw(edit);
}

/* Puts in what is sure; where nothing is, shows what there could be. */
static void complete_word(struct edit *edit)
{
    struct completion completion = complete(line_copy(edit->text, edit->cursor));

    if (completion.rest[0])
        insert(edit, completion.rest, strlen(completion.rest));
    else if (completion.count > 1)
        show_names(edit, &completion);
    completion_free(&completion);
}

/* ---- Keys ---- */

static void finish_line(struct edit *edit)
{
    if (edit->cursor != edit->len)
        move_to(edit, edit->len);
    show_string("\n");
    edit->is_done = true;
}

static void forget_line(struct edit *edit)
{
    show_string("^C\n");
    edit->text[edit->len = edit->cursor = 0] = '\0';
    edit->age = 0;
    redraw(edit);
}

/* Keys that move. => false if it was none of them */
static bool move_by_key(struct edit *edit, int key)
{
    switch (key) {
    case KEY_LEFT:
    case KEY_CTRL_B:
        if (edit->cursor > 0)
            move_to(edit, character_before(edit, edit->cursor));
        return true;
    case KEY_RIGHT:
    case KEY_CTRL_F:
        if (edit->cursor < edit->len)
            move_to(edit, next_character(edit, edit->cursor));
        return true;
    case KEY_HOME:
    case KEY_CTRL_A:
        move_to(edit, 0);
        return true;
    case KEY_END:
    case KEY_CTRL_E:
        move_to(edit, edit->len);
        return true;
    case KEY_UP:
    case KEY_CTRL_P:
        show_from_history(edit, edit->age + 1);
        return true;
    case KEY_DOWN:
    case KEY_CTRL_N:
        if (edit->age > 0)
            show_from_history(edit, edit->age - 1);
        return true;
    default:
        return false;
    }
}

/* Keys that remove. => false if it was none of them */
static bool remove_by_key(struct edit *edit, int key)
{
    switch (key) {
    case KEY_BACKSPACE:
    case KEY_RUBOUT:
        rub_out(edit);
        return true;
    case KEY_DELETE:
    case KEY_CTRL_D:
        if (edit->cursor < edit->len)
            remove_range(edit, edit->cursor, next_character(edit, edit->cursor));
        return true;
    case KEY_CTRL_U:
        remove_range(edit, 0, edit->cursor);
        return true;
    case KEY_CTRL_K:
        remove_range(edit, edit->cursor, edit->len);
        return true;
    case KEY_CTRL_W:
        remove_word(edit);
        return true;
    default:
        return false;
    }
}

static void take_key(struct edit *edit, int key)
{
    char byte = key;

    if (move_by_key(edit, key) || remove_by_key(edit, key))
        return;
    switch (key) {
    case KEY_ENTER:
    case KEY_CTRL_J:
        finish_line(edit);
        break;
    case KEY_CTRL_C:
        forget_line(edit);
        break;
    case KEY_TAB:
        complete_word(edit);
        break;
    case KEY_CTRL_L:
        show_string("\033[H\033[2J");
        redraw(edit);
        break;
    default:
        if (key >= ' ' && key < KEY_UP)
            insert(edit, &byte, 1);
    }
}

/* => false at the end of the input */
static bool take_keys(struct edit *edit)
{
    while (!edit->is_done) {
        int key = key_read();
        if (key == KEY_END_OF_INPUT || (key == KEY_CTRL_D && edit->len == 0))
            return false;
        take_key(edit, key);
    }
    return true;
}

ssize_t edit_line(const char *prompt, char *buffer, size_t size)
{
    struct edit edit = {.prompt = prompt, .text = buffer, .size = size};

    buffer[0] = '\0';
    if (!keys_begin())
        return -1;
    show_string(prompt);
    bool has_line = take_keys(&edit);
    keys_end();
    if (!has_line)
        return 0;
    history_add(buffer);
    buffer[edit.len++] = '\n';
    return edit.len;
}
