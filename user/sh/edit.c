/* The line editor: the effect of each key on the line. */
#include "edit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complete.h"
#include "editline.h"
#include "history.h"
#include "keys.h"
#include "linemem.h"
#include "variables.h"

bool edit_is_possible(void)
{
    const char *terminal = variable_get("TERM");

    return isatty(STDIN_FILENO) && !(terminal && strcmp(terminal, "dumb") == 0);
}

/* ---- History and completion ---- */

static void show_from_history(struct edit *edit, unsigned age)
{
    const char *line = age > 0 ? history_get(age) : edit->draft;

    if (!line)
        return;
    if (edit->age == 0)
        edit->draft = line_copy(edit->text, edit->len);
    edit->age = age;
    edit_replace(edit, line);
}

static void show_names(struct edit *edit, const struct completion *completion)
{
    edit_show("\n");
    for (size_t i = 0; i < completion->count; i++)
        edit_show(
            line_format("%s%s", completion->names[i], i + 1 < completion->count ? "  " : "\n"));
    edit_redraw(edit);
}

/* Inserts the certain part of a completion. If there is none, shows the possibilities. */
static void complete_word(struct edit *edit)
{
    struct completion completion = complete(line_copy(edit->text, edit->cursor));

    if (completion.rest[0])
        edit_insert(edit, completion.rest, strlen(completion.rest));
    else if (completion.count > 1)
        show_names(edit, &completion);
    completion_free(&completion);
}

/* ---- Keys ---- */

static void finish_line(struct edit *edit)
{
    if (edit->cursor != edit->len || edit->is_stale)
        edit_move_to(edit, edit->len);
    edit_show("\n");
    edit->is_done = true;
}

static void forget_line(struct edit *edit)
{
    edit_show("^C\n");
    edit->is_done = edit->is_interrupted = true;
}

/* Handles the keys that move the cursor. Returns false if `key` is not one of them. */
static bool move_by_key(struct edit *edit, int key)
{
    switch (key) {
    case KEY_LEFT:
    case KEY_CTRL_B:
        if (edit->cursor > 0)
            edit_move_to(edit, edit_character_before(edit, edit->cursor));
        return true;
    case KEY_RIGHT:
    case KEY_CTRL_F:
        if (edit->cursor < edit->len)
            edit_move_to(edit, edit_next_character(edit, edit->cursor));
        return true;
    case KEY_HOME:
    case KEY_CTRL_A:
        edit_move_to(edit, 0);
        return true;
    case KEY_END:
    case KEY_CTRL_E:
        edit_move_to(edit, edit->len);
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

/* Handles the keys that remove text. Returns false if `key` is not one of them. */
static bool remove_by_key(struct edit *edit, int key)
{
    switch (key) {
    case KEY_BACKSPACE:
    case KEY_RUBOUT:
        edit_rub_out(edit);
        return true;
    case KEY_DELETE:
    case KEY_CTRL_D:
        if (edit->cursor < edit->len)
            edit_remove(edit, edit->cursor, edit_next_character(edit, edit->cursor));
        return true;
    case KEY_CTRL_U:
        edit_remove(edit, 0, edit->cursor);
        return true;
    case KEY_CTRL_K:
        edit_remove(edit, edit->cursor, edit->len);
        return true;
    case KEY_CTRL_W:
        edit_remove_word(edit);
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
        edit_show("\033[H\033[2J");
        edit_redraw(edit);
        break;
    case KEY_SIZE:
        edit_redraw(edit);
        break;
    default:
        if (key >= ' ' && key < KEY_UP)
            edit_insert(edit, &byte, 1);
    }
}

/* Handles keys until the line is complete. Returns false at the end of the input. */
static bool take_keys(struct edit *edit)
{
    while (!edit->is_done) {
        int key = key_read();
        if (key == KEY_END_OF_INPUT || (key == KEY_CTRL_D && edit->len == 0))
            return false;
        take_key(edit, key);
        if (edit->is_stale && !key_is_waiting())
            edit_redraw(edit);
    }
    return true;
}

ssize_t edit_line(const char *prompt, const char **line)
{
    static struct edit edit;
    static bool is_size_asked;

    if (!keys_begin())
        return -1;
    if (!is_size_asked)
        keys_ask_size();
    is_size_asked = true;
    free(edit.text);
    edit = (struct edit){.prompt = prompt};
    edit_begin(&edit);
    edit_show(prompt);
    bool has_line = take_keys(&edit);
    keys_end();
    if (!has_line)
        return 0;
    if (edit.is_interrupted)
        return EDIT_INTERRUPTED;
    history_add(edit.text);
    edit.text[edit.len++] = '\n';
    *line = edit.text;
    return edit.len;
}
