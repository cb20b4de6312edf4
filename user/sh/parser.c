/* The parser: a function for each rule of the grammar in syntax.h. It takes the tokens of its rule
   and looks one token ahead. If the tokens do not fit, it returns NULL after a message, and so do
   its callers. */
#include "parser.h"

#include <stddef.h>
#include <string.h>

#include "../lib/message.h"
#include "lexer.h"
#include "linemem.h"
#include "shell.h"
#include "variables.h"

struct parser {
    struct lexer lexer;
    struct token next; /* the token ahead, if `has_next` */
    /* a token is read only when it is needed, because a terminal may not have it yet */
    bool has_next;
    size_t taken_end; /* the end of the last taken token in lexer.source */
    bool has_failed;  /* a message was printed */
};

static struct and_or *parse_list(struct parser *parser, enum token_kind end);

static const struct token *parser_peek(struct parser *parser)
{
    if (!parser->has_next)
        parser->next = lexer_next(&parser->lexer);
    parser->has_next = true;
    return &parser->next;
}

static bool is_next(struct parser *parser, enum token_kind kind)
{
    return parser_peek(parser)->kind == kind;
}

static struct token parser_take(struct parser *parser)
{
    struct token token = *parser_peek(parser);

    parser->has_next = false;
    parser->taken_end = token.end;
    return token;
}

/* Takes the next token if it is of this kind. */
static bool parser_accept(struct parser *parser, enum token_kind kind)
{
    if (!is_next(parser, kind))
        return false;
    parser_take(parser);
    return true;
}

static void newlines_skip(struct parser *parser)
{
    while (parser_accept(parser, TOKEN_NEWLINE))
        ;
}

/* Prints that the next token does not belong here. Returns NULL. */
static void *parse_error(struct parser *parser)
{
    const struct token *token = parser_peek(parser);

    if (parser->has_failed)
        return NULL;
    parser->has_failed = true;
    if (shell.is_interrupted)
        return NULL;
    if (token->kind == TOKEN_UNCLOSED)
        complain("syntax error: a quote is not closed");
    else if (token->kind == TOKEN_END)
        complain("syntax error: unexpected end of input");
    else
        complain("syntax error near `%s'", token->kind == TOKEN_NEWLINE ? "newline" : token->text);
    return NULL;
}

static struct redirect *parse_redirect(struct parser *parser)
{
    struct token token = parser_take(parser);
    struct redirect *redirect = line_alloc(sizeof(*redirect));

    if (!is_next(parser, TOKEN_WORD))
        return parse_error(parser);
    *redirect = (struct redirect){.kind = token.redirect, .fd = token.fd};
    redirect->target = parser_take(parser).text;
    return redirect;
}

static struct word *parse_word(struct parser *parser)
{
    struct word *word = line_alloc(sizeof(*word));

    word->raw = parser_take(parser).text;
    return word;
}

/* Returns true if this word, the next of `command`, is NAME=value before the program's name. */
static bool is_assignment(const struct command *command, const char *raw)
{
    size_t name_len = variable_name_length(raw);

    return !command->words && name_len > 0 && raw[name_len] == '=';
}

/* Takes the redirections and, if allowed, the words that follow. */
static bool parse_words(struct parser *parser, struct command *command, bool may_have_words)
{
    struct redirect **redirects = &command->redirects;
    struct word **assignments = &command->assignments;
    struct word **words = &command->words;

    for (;;) {
        if (is_next(parser, TOKEN_REDIRECT)) {
            *redirects = parse_redirect(parser);
            if (!*redirects)
                return false;
            redirects = &(*redirects)->next;
        } else if (may_have_words && is_next(parser, TOKEN_WORD)) {
            struct word *word = parse_word(parser);
            struct word ***list = is_assignment(command, word->raw) ? &assignments : &words;
            **list = word;
            *list = &word->next;
        } else {
            return true;
        }
    }
}

/* Returns true for a keyword that this shell lacks. A line with one is refused, because running
   half of it could do harm. */
static bool is_reserved(const char *word)
{
    static const char *const words[] = {"{",        "}",    "case", "do",    "done",
                                        "elif",     "else", "esac", "fi",    "for",
                                        "function", "if",   "then", "until", "while"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], word) == 0)
            return true;
    }
    return false;
}

static struct command *parse_command(struct parser *parser)
{
    struct command *command = line_alloc(sizeof(*command));

    if (is_next(parser, TOKEN_WORD) && is_reserved(parser_peek(parser)->text)) {
        complain("this shell has no `%s'", parser_peek(parser)->text);
        parser->has_failed = true;
        return NULL;
    }
    if (parser_accept(parser, TOKEN_OPEN)) {
        command->subshell = parse_list(parser, TOKEN_CLOSE);
        if (!command->subshell || !parser_accept(parser, TOKEN_CLOSE))
            return parse_error(parser);
        return parse_words(parser, command, false) ? command : NULL;
    }
    if (!parse_words(parser, command, true))
        return NULL;
    bool is_empty = !command->words && !command->assignments && !command->redirects;
    return is_empty ? parse_error(parser) : command;
}

static struct pipeline *parse_pipeline(struct parser *parser)
{
    struct pipeline *pipeline = line_alloc(sizeof(*pipeline));
    struct command **link = &pipeline->commands;

    while (is_next(parser, TOKEN_WORD) && strcmp(parser_peek(parser)->text, "!") == 0) {
        parser_take(parser);
        pipeline->is_negated = !pipeline->is_negated;
    }
    for (;;) {
        *link = parse_command(parser);
        if (!*link)
            return NULL;
        if (!parser_accept(parser, TOKEN_PIPE))
            return pipeline;
        newlines_skip(parser);
        link = &(*link)->next;
    }
}

/* Takes && or ||, if it is next, and returns its condition; otherwise RUN_ALWAYS. */
static enum pipeline_condition parse_condition(struct parser *parser)
{
    enum pipeline_condition condition = RUN_ALWAYS;

    if (parser_accept(parser, TOKEN_AND))
        condition = RUN_AFTER_SUCCESS;
    else if (parser_accept(parser, TOKEN_OR))
        condition = RUN_AFTER_FAILURE;
    if (condition != RUN_ALWAYS)
        newlines_skip(parser);
    return condition;
}

static struct and_or *parse_and_or(struct parser *parser)
{
    struct and_or *and_or = line_alloc(sizeof(*and_or));
    struct pipeline **link = &and_or->pipelines;
    enum pipeline_condition condition = RUN_ALWAYS;
    size_t start = parser_peek(parser)->start;

    do {
        struct pipeline *pipeline = parse_pipeline(parser);
        if (!pipeline)
            return NULL;
        pipeline->condition = condition;
        *link = pipeline;
        link = &pipeline->next;
        condition = parse_condition(parser);
    } while (condition != RUN_ALWAYS);
    and_or->text = line_copy(parser->lexer.source.bytes + start, parser->taken_end - start);
    return and_or;
}

/* Takes the separator after an and_or of a list. Returns true if another and_or may follow. */
static bool parse_separator(struct parser *parser, struct and_or *before, enum token_kind end)
{
    bool is_separated = parser_accept(parser, TOKEN_SEMICOLON);

    if (!is_separated && parser_accept(parser, TOKEN_BACKGROUND))
        is_separated = before->is_background = true;
    if (end == TOKEN_NEWLINE)
        return is_separated;
    is_separated = is_separated || is_next(parser, TOKEN_NEWLINE);
    newlines_skip(parser);
    return is_separated;
}

/* Takes a list up to the token that ends it. The end of the input also ends a line. */
static struct and_or *parse_list(struct parser *parser, enum token_kind end)
{
    struct and_or *first = NULL, *last, **link = &first;

    if (end != TOKEN_NEWLINE)
        newlines_skip(parser);
    do {
        bool is_end_of_line = end == TOKEN_NEWLINE && is_next(parser, TOKEN_END);
        if (is_end_of_line || is_next(parser, end))
            break;
        *link = last = parse_and_or(parser);
        if (!last)
            return NULL;
        link = &last->next;
    } while (parse_separator(parser, last, end));
    return first;
}

enum parse_result parse_line(struct input *input, struct and_or **list)
{
    struct parser parser = {.lexer = {.input = input}};

    input_begin_command(input);
    if (is_next(&parser, TOKEN_END))
        return PARSE_END;
    *list = parse_list(&parser, TOKEN_NEWLINE);
    bool is_complete = is_next(&parser, TOKEN_NEWLINE) || is_next(&parser, TOKEN_END);
    if (!parser.has_failed && !is_complete)
        parse_error(&parser);
    if (!parser.has_failed)
        return PARSE_LINE;
    lexer_skip_line(&parser.lexer);
    return PARSE_ERROR;
}
