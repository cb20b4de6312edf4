/* The lexer. It looks one byte ahead, and never past the newline that ends a command, because a
   terminal has no further input until the command has run. */
#include "lexer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A symbol precedes the shorter symbols that it begins with. */
static const struct symbol {
    char text[3];
    enum token_kind kind;
    enum redirect_kind redirect;
} symbols[] = {
    {"||", TOKEN_OR, 0},
    {"|", TOKEN_PIPE, 0},
    {"&&", TOKEN_AND, 0},
    {"&", TOKEN_BACKGROUND, 0},
    {";", TOKEN_SEMICOLON, 0},
    {"(", TOKEN_OPEN, 0},
    {")", TOKEN_CLOSE, 0},
    {">>", TOKEN_REDIRECT, REDIRECT_APPEND},
    {">&", TOKEN_REDIRECT, REDIRECT_DUPLICATE},
    {">", TOKEN_REDIRECT, REDIRECT_WRITE},
    {"<&", TOKEN_REDIRECT, REDIRECT_DUPLICATE},
    {"<", TOKEN_REDIRECT, REDIRECT_READ},
};

static int lexer_peek(struct lexer *lexer)
{
    return input_peek(lexer->input);
}

static int lexer_take(struct lexer *lexer)
{
    int byte = input_take(lexer->input);

    if (byte != EOF)
        text_put(&lexer->source, byte);
    return byte;
}

static bool is_blank(int byte)
{
    return byte == ' ' || byte == '\t';
}

static bool is_word_end(int byte)
{
    return byte == EOF || byte == '\n' || is_blank(byte) || strchr("|&;()<>", byte);
}

static void comment_skip(struct lexer *lexer)
{
    while (lexer_peek(lexer) != '\n' && lexer_peek(lexer) != EOF)
        lexer_take(lexer);
}

static void blanks_skip(struct lexer *lexer)
{
    while (is_blank(lexer_peek(lexer)))
        lexer_take(lexer);
    if (lexer_peek(lexer) == '#')
        comment_skip(lexer);
}

/* Returns true if `first`, which was taken already, and the next bytes of the input make the
   symbol. */
static bool symbol_fits(const struct symbol *symbol, int first, struct lexer *lexer)
{
    bool is_one_byte = symbol->text[1] == '\0';

    return symbol->text[0] == first && (is_one_byte || symbol->text[1] == lexer_peek(lexer));
}

/* Reads an operator whose first byte is next. */
static void operator_read(struct lexer *lexer, struct token *token)
{
    int first = lexer_take(lexer);
    const struct symbol *symbol = symbols; /* is_word_end has made sure that a symbol fits */

    while (!symbol_fits(symbol, first, lexer))
        symbol++;
    if (symbol->text[1])
        lexer_take(lexer);
    token->kind = symbol->kind;
    token->redirect = symbol->redirect;
    token->fd = first == '<' ? 0 : 1;
}

/* Reads up to the `quote` that closes an open one. Returns false if the input ends before. */
static bool quotes_read(struct lexer *lexer, int quote)
{
    int byte;

    while ((byte = lexer_take(lexer)) != EOF && byte != quote) {
        if (byte == '\\' && quote == '"')
            lexer_take(lexer);
    }
    return byte == quote;
}

static void word_read(struct lexer *lexer, struct token *token)
{
    token->kind = TOKEN_WORD;
    while (!is_word_end(lexer_peek(lexer))) {
        int byte = lexer_take(lexer);
        if (byte == '\\')
            lexer_take(lexer);
        bool is_quote = byte == '\'' || byte == '"';
        if (is_quote && !quotes_read(lexer, byte))
            token->kind = TOKEN_UNCLOSED;
    }
}

/* Reads a word. A single digit right before < or > is the file descriptor of that redirection. */
static void word_or_redirect_read(struct lexer *lexer, struct token *token)
{
    word_read(lexer, token);
    const char *word = lexer->source.bytes + token->start;
    bool is_digit = lexer->source.len - token->start == 1 && isdigit((unsigned char)*word);
    if (is_digit && (lexer_peek(lexer) == '<' || lexer_peek(lexer) == '>')) {
        int fd = *word - '0';
        operator_read(lexer, token);
        token->fd = fd;
    }
}

struct token lexer_next(struct lexer *lexer)
{
    blanks_skip(lexer);
    struct token token = {.kind = TOKEN_END, .start = lexer->source.len};
    int byte = lexer_peek(lexer);
    if (!is_word_end(byte))
        word_or_redirect_read(lexer, &token);
    else if (byte == '\n' && lexer_take(lexer))
        token.kind = TOKEN_NEWLINE;
    else if (byte != EOF)
        operator_read(lexer, &token);
    token.end = lexer->source.len;
    token.text = line_copy(lexer->source.bytes + token.start, token.end - token.start);
    return token;
}

void lexer_skip_line(struct lexer *lexer)
{
    size_t len = lexer->source.len;
    bool is_at_end = len > 0 && lexer->source.bytes[len - 1] == '\n';

    if (is_at_end)
        return;
    comment_skip(lexer);
    lexer_take(lexer);
}
