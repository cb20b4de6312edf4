/* The syntax tree of a command line, in line memory.

       list      and_or  { ; and_or | & and_or }           struct and_or, linked by `next`
       and_or    pipeline  { && pipeline | || pipeline }   struct pipeline
       pipeline  [ ! ] command  { | command }              struct command
       command   [ NAME=word ] word ... [ redirect ]       struct command, word, redirect
                 ( list ) [ redirect ]

   Words are kept as written. They are expanded ($NAME, *, quotes) when a command runs: expand.h. */
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
    int fd; /* the file descriptor that changes, 0 to 9 */
    /* raw: a path; for REDIRECT_DUPLICATE a file descriptor, or "-" to close this one */
    char *target;
    struct redirect *next;
};

struct command {
    struct word *assignments;   /* raw: NAME=value, made before the command runs */
    struct word *words;         /* the program and its arguments */
    struct and_or *subshell;    /* the commands of a subshell, instead of words */
    struct redirect *redirects; /* in their order on the line */
    char **argv;                /* the fields of `words`; set by the executor */
    struct command *next;       /* the command that reads this one's output */
};

enum pipeline_condition {
    RUN_ALWAYS,
    RUN_AFTER_SUCCESS, /* && */
    RUN_AFTER_FAILURE, /* || */
};

struct pipeline {
    enum pipeline_condition condition; /* on the status of the previous pipeline */
    bool is_negated;                   /* ! */
    struct command *commands;
    struct pipeline *next;
};

struct and_or {
    struct pipeline *pipelines;
    bool is_background; /* & */
    char *text;         /* as written, for the description of a job */
    struct and_or *next;
};
