/* Reads a command line, and makes a tree of it. */
#pragma once

#include "input.h"
#include "syntax.h"

enum parse_result {
    PARSE_LINE,  /* *list is the line's tree; NULL if the line is empty */
    PARSE_END,   /* the input has ended */
    PARSE_ERROR, /* the line has an error; it was skipped after a message */
};

/* Reads one line, and further lines if the command goes on. */
enum parse_result parse_line(struct input *input, struct and_or **list);
