/* Reads a command line and finds out what it says. */
#pragma once

#include "input.h"
#include "syntax.h"

enum parse_result {
    PARSE_LINE,  /* *list is what the line says; NULL: nothing */
    PARSE_END,   /* there is no more input */
    PARSE_ERROR, /* it makes no sense; a message has said why, and the line was skipped */
};

/* Reads one line, and as many more as belong to the same command. */
enum parse_result parse_line(struct input *input, struct and_or **list);
