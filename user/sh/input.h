/* The source of commands: a terminal, a file, or a string. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct input {
    int fd;             /* the file to read; -1 means none, and `text` is all input */
    size_t read_size;   /* bytes to ask for at a time */
    const char *name;   /* in messages */
    const char *prompt; /* the variable that holds the prompt; NULL means no prompt */
    const char *text;   /* the part that was read but not used yet ... */
    size_t text_len;    /* ... and its length in bytes */
    bool is_at_end;     /* the input has ended since the command began */
    char buffer[1024];  /* the bytes at `text`, if they were read from `fd` */
};

/* Takes commands from a string. */
void input_from_text(struct input *input, const char *text);

/* Takes commands from the standard input. Never reads past the end of a line, because programs may
   want the rest. */
void input_from_stdin(struct input *input);

/* Takes commands from a file. Returns false, with errno, if it cannot be opened. */
bool input_from_file(struct input *input, const char *path);

/* Begins a new command: $PS1 prompts for its first line, $PS2 for the others. */
void input_begin_command(struct input *input);

/* Return the next byte, or EOF; input_take also moves past it. A terminal may continue after an
   EOF. */
int input_peek(struct input *input);
int input_take(struct input *input);
