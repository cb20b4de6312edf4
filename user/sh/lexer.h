/* Cuts the text of a command into tokens: words, still with their quotes, and operators. */
#pragma once

#include "input.h"
#include "linemem.h"
#include "syntax.h"

enum token_kind {
    TOKEN_END,        /* of the input */
    TOKEN_NEWLINE,    /* the end of a line */
    TOKEN_WORD,       /* see `text` */
    TOKEN_REDIRECT,   /* [n]< [n]> [n]>> [n]<& [n]>&; see `redirect` and `fd` */
    TOKEN_PIPE,       /* | */
    TOKEN_AND,        /* && */
    TOKEN_OR,         /* || */
    TOKEN_SEMICOLON,  /* ; */
    TOKEN_BACKGROUND, /* & */
    TOKEN_OPEN,       /* ( */
    TOKEN_CLOSE,      /* ) */
    TOKEN_UNCLOSED,   /* the input ends within quotes */
};

struct token {
    enum token_kind kind;
    char *text;                  /* as it was written */
    size_t start, end;           /* where that is in lexer.source */
    enum redirect_kind redirect; /* of TOKEN_REDIRECT */
    int fd;                      /* of TOKEN_REDIRECT: the file descriptor that it changes */
};

struct lexer {
    struct input *input;
    struct text source; /* all that was read since the command began */
};

struct token lexer_next(struct lexer *lexer);

/* Skips the rest of the line on which the last token is. */
void lexer_skip_line(struct lexer *lexer);
