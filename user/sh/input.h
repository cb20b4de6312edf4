/* Where commands come from: a terminal, a file, or a string. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct input {
    int fd;             /* what to read from; -1: nothing, `text` is all there is */
    size_t read_size;   /* bytes to ask for at a time */
    const char *name;   /* for messages */
    const char *prompt; /* the variable with what is shown before more is read; NULL: none */
    const char *text;   /* the part that was read but not used yet ... */
    size_t text_len;    /* ... and its length in bytes */
    bool is_at_end;     /* there was an end of input since the command began */
    char buffer[1024];  /* what `text` points into, if `fd` is not -1 */
};

/* Commands from a string. */
void input_from_text(struct input *input, const char *text);

/* From the standard input: never reads past the end of a line, since programs may want the rest. */
void input_from_stdin(struct input *input);

/* From a file. => false, with errno, if it cannot be opened. */
bool input_from_file(struct input *input, const char *path);

/* A new command begins here: $PS1 prompts for its first line, $PS2 for more of it. */
void input_begin_command(struct input *input);

/* The next byte, or EOF; `take` moves on behind it. A terminal may go on after an EOF. */
int input_peek(struct input *input);
int input_take(struct input *input);
