/* The line that is being edited, and its display in one row of the screen. A long line is shown in
   part. A function that changes the line also redraws it, or marks the display as stale. For
   edit.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct edit {
    const char *prompt;
    char *text;         /* from malloc; ends with a 0 */
    size_t size;        /* bytes; two are reserved for a newline and the final 0 */
    size_t len, cursor; /* bytes */
    unsigned age;       /* of the history's line that is shown; 0 means a new line */
    char *draft;        /* in line memory: the new line, while an old one is shown */
    bool is_stale;      /* the display is older than the text */
    bool is_done;
    bool is_interrupted; /* set by Ctrl-C */
};

/* Shows a string that is not part of the line. */
void edit_show(const char *string);

/* Redraws the line: the part around the cursor that fits into the row. */
void edit_redraw(struct edit *edit);

/* Makes room for an empty line. Exits if memory is out. */
void edit_begin(struct edit *edit);

/* Return the start of the character after or before `at`. There must be one on that side. */
size_t edit_next_character(const struct edit *edit, size_t at);
size_t edit_character_before(const struct edit *edit, size_t at);

/* Change the line, and move the cursor to the place of the change. If the text makes the line
   longer than a program's argument may be, or memory is out, the bell rings and nothing changes. */
void edit_replace(struct edit *edit, const char *text);
void edit_insert(struct edit *edit, const char *bytes, size_t len);
void edit_remove(struct edit *edit, size_t from, size_t to);

/* Remove the character, or the word, before the cursor. */
void edit_rub_out(struct edit *edit);
void edit_remove_word(struct edit *edit);

void edit_move_to(struct edit *edit, size_t at);
