/* The line that is being edited, and how it is shown: in one row of the screen, of which a long line shows a part.
   Whatever changes the line shows it anew. For edit.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct edit {
    const char *prompt;
    char *text;         /* terminated */
    size_t size;        /* bytes, of which two are for a newline and the end */
    size_t len, cursor; /* bytes */
    unsigned age;       /* of the line of the history that it was; 0: a new one */
    char *draft;        /* in line memory: the new one, while an old one is shown */
    bool is_done;
    bool is_interrupted; /* done by Ctrl-C */
};

/* Shows a string that is not part of the line. */
void edit_show(const char *string);

/* Shows the line as it is now: as much of it as there is room for, with the cursor in it. */
void edit_redraw(const struct edit *edit);

/* Where the characters beside `at` begin: there is one on that side. */
size_t edit_next_character(const struct edit *edit, size_t at);
size_t edit_character_before(const struct edit *edit, size_t at);

/* Each also moves the cursor to where the change was. What does not fit is not inserted, or, if all is replaced,
   cut off. */
void edit_replace(struct edit *edit, const char *text);
void edit_insert(struct edit *edit, const char *bytes, size_t len);
void edit_remove(struct edit *edit, size_t from, size_t to);

/* Removes the character, or the word, before the cursor. */
void edit_rub_out(struct edit *edit);
void edit_remove_word(struct edit *edit);

void edit_move_to(struct edit *edit, size_t at);
