/* The source of commands. */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/files.h"
#include "../lib/message.h"
#include "edit.h"
#include "job.h"
#include "shell.h"
#include "variables.h"

enum { SCRIPT_FD_MIN = 10 }; /* lower numbers are free for the redirections of the script */

void input_from_text(struct input *input, const char *text)
{
    *input = (struct input){.fd = -1, .text = text, .text_len = strlen(text)};
}

void input_from_stdin(struct input *input)
{
    *input = (struct input){.fd = STDIN_FILENO, .name = "standard input", .read_size = 1};
}

bool input_from_file(struct input *input, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, SCRIPT_FD_MIN);
    close(fd);
    *input = (struct input){.fd = high, .name = path, .read_size = sizeof(input->buffer)};
    return high >= 0;
}

void input_begin_command(struct input *input)
{
    input->prompt = "PS1";
    input->is_at_end = false;
}

/* Reads a line from a person. Ctrl-C abandons the command: if lines of it were read, the parser
   gets an end of input, and shell.is_interrupted keeps them from running. */
static ssize_t line_read(struct input *input, const char *prompt, bool is_first)
{
    ssize_t len;

    do {
        len = edit_line(prompt, &input->text);
    } while (len == EDIT_INTERRUPTED && is_first);
    if (len != EDIT_INTERRUPTED)
        return len;
    shell.is_interrupted = true;
    return 0;
}

/* Reads the next piece of input, which is an edited line on a terminal, and points `text` to it. */
static ssize_t input_read(struct input *input)
{
    const char *prompt = input->prompt ? variable_get(input->prompt) : NULL;

    bool is_first = input->prompt && strcmp(input->prompt, "PS1") == 0;

    if (!prompt)
        prompt = "";
    input->prompt = NULL;
    input->text = input->buffer;
    if (shell.is_interactive && edit_is_possible())
        return line_read(input, prompt, is_first);
    if (shell.is_interactive)
        write_all(STDERR_FILENO, prompt, strlen(prompt));
    return read(input->fd, input->buffer, input->read_size);
}

/* Reads more. Returns false at the end. If reading fails, the shell ends. */
static bool input_fill(struct input *input)
{
    if (input->fd < 0 || input->is_at_end)
        return false;
    ssize_t len = input_read(input);
    while (len < 0 && errno == EAGAIN && shell.is_interactive) {
        terminal_block(); /* a job has undone it just now */
        len = input_read(input);
    }
    if (len < 0) {
        complain_errno("%s", input->name);
        exit(STATUS_NOT_RUN);
    }
    input->text_len = len;
    input->is_at_end = len == 0;
    return !input->is_at_end;
}

static void input_advance(struct input *input)
{
    input->text++;
    input->text_len--;
}

int input_peek(struct input *input)
{
    for (;;) {
        if (input->text_len == 0 && !input_fill(input))
            return EOF;
        if (*input->text != '\0')
            return (unsigned char)*input->text;
        input_advance(input); /* a zero byte would end the strings that hold the text */
    }
}

int input_take(struct input *input)
{
    int byte = input_peek(input);

    if (byte == '\n')
        input->prompt = "PS2";
    if (byte != EOF)
        input_advance(input);
    return byte;
}
