/* What a command line says, as a tree. All of it is in line memory.

       list      and_or  { ; and_or | & and_or }           struct and_or, linked by `next`
       and_or    pipeline  { && pipeline | || pipeline }   struct pipeline
       pipeline  [ ! ] command  { | command }              struct command
       command   [ NAME=word ] word ... [ redirect ]       struct command, word, redirect
                 ( list ) [ redirect ]

   Words are kept as written. What they stand for ($NAME, *, quotes) is decided when they are used:
   expand.h. */
#pragma once

#include <stdbool.h>

struct word {
    char *raw; /* as written, with its quotes */
    struct word *next;
};

enum redirect_kind {
    REDIRECT_READ,      /* <  */
    REDIRECT_WRITE,     /* >  */
    REDIRECT_APPEND,    /* >> */
    REDIRECT_DUPLICATE, /* <& and >& */
};

struct redirect {
    enum redirect_kind kind;
    int fd;       /* the file descriptor that changes, 0 to 9 */
    char *target; /* raw: a path; for REDIRECT_DUPLICATE another file descriptor, or "-" to close
                     this one */
    struct redirect *next;
};

struct command {
    struct word *assignments;   /* raw: NAME=value, to be made before the command runs */
    struct word *words;         /* the program and its arguments */
    struct and_or *subshell;    /* or, instead of words, commands for a shell of their own */
    struct redirect *redirects; /* in the order in which they are to be made */
    char **argv;                /* what `words` expand to; set by the executor */
    struct command *next;       /* the one that reads this one's output */
};

enum pipeline_condition {
    RUN_ALWAYS,
    RUN_AFTER_SUCCESS, /* && */
    RUN_AFTER_FAILURE, /* || */
};

struct pipeline {
    enum pipeline_condition condition; /* what must be true of the last status */
    bool is_negated;                   /* ! */
    struct command *commands;
    struct pipeline *next;
};

struct and_or {
    struct pipeline *pipelines;
    bool is_background; /* & */
    char *text;         /* as written, to show what a job is */
    struct and_or *next;
};
