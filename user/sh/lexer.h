/* Divides the text of a command into tokens: words, which keep their quotes, and operators. */
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
    char *text;                  /* as written */
    size_t start, end;           /* its place in lexer.source */
    enum redirect_kind redirect; /* of TOKEN_REDIRECT */
    int fd;                      /* of TOKEN_REDIRECT: the file descriptor that changes */
};

struct lexer {
    struct input *input;
    struct text source; /* the text since the command began */
};

struct token lexer_next(struct lexer *lexer);

/* Skips the rest of the last token's line. */
void lexer_skip_line(struct lexer *lexer);
