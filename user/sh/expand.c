/* Expansion of words. A field is built up as a pattern, in which each quoted wildcard has a
   backslash before it. At its end, the field becomes the names of the files that match it; if none
   do, it loses its backslashes. */
#include "expand.h"

#include <ctype.h>
#include <glob.h>
#include <stddef.h>
#include <string.h>

#include "../lib/message.h"
#include "linemem.h"
#include "shell.h"
#include "variables.h"

struct expansion {
    bool may_split;      /* values are split into fields, and wildcards are matched */
    bool has_field;      /* a field exists, even if it is empty, because a part of it was quoted */
    bool has_wildcard;   /* `pattern` has an unquoted wildcard */
    struct text pattern; /* the field so far */
    char **fields;       /* the complete fields */
    size_t nfields, capacity;
};

static void field_add(struct expansion *e, char *field)
{
    if (e->nfields == e->capacity) {
        e->capacity = e->capacity ? 2 * e->capacity : 8;
        char **larger = line_alloc(e->capacity * sizeof(char *));
        if (e->nfields > 0)
            memcpy(larger, e->fields, e->nfields * sizeof(char *));
        e->fields = larger;
    }
    e->fields[e->nfields++] = field;
}

static void field_put(struct expansion *e, char byte, bool is_quoted)
{
    bool is_special = strchr("*?[\\", byte) != NULL;
    bool is_wildcard = is_special && byte != '\\' && !is_quoted && e->may_split;

    if (is_wildcard)
        e->has_wildcard = true;
    else if (is_special)
        text_put(&e->pattern, '\\');
    text_put(&e->pattern, byte);
    e->has_field = true;
}

/* Returns the pattern without its backslashes. */
static char *pattern_literal(const struct text *pattern)
{
    char *literal = line_alloc(pattern->len + 1);
    char *end = literal;

    for (size_t i = 0; i < pattern->len; i++) {
        if (pattern->bytes[i] == '\\')
            i++;
        *end++ = pattern->bytes[i];
    }
    return literal;
}

/* Adds the names of the files that match the pattern. Returns false if there are none. */
static bool matches_add(struct expansion *e)
{
    glob_t matches;

    if (glob(text_string(&e->pattern), 0, NULL, &matches) != 0)
        return false;
    for (size_t i = 0; i < matches.gl_pathc; i++)
        field_add(e, line_copy(matches.gl_pathv[i], strlen(matches.gl_pathv[i])));
    globfree(&matches);
    return true;
}

/* Ends the field so far, if there is one. */
static void field_end(struct expansion *e)
{
    if (e->has_field && !(e->has_wildcard && matches_add(e)))
        field_add(e, pattern_literal(&e->pattern));
    e->pattern.len = 0;
    e->has_field = e->has_wildcard = false;
}

static void value_put(struct expansion *e, const char *value, bool is_quoted)
{
    for (; *value; value++) {
        bool is_separator = !is_quoted && e->may_split && strchr(" \t\n", *value);
        if (is_separator)
            field_end(e);
        else
            field_put(e, *value, is_quoted);
    }
}

/* Returns the length of the parameter's name at the start of `text`: a variable, a digit, or a
   sign. */
static size_t parameter_name_length(const char *text)
{
    bool is_single = *text && strchr("?$!#0123456789@*-", *text);

    return is_single ? 1 : variable_name_length(text);
}

/* Returns the value of a parameter, or NULL if this shell has no such parameter. */
static const char *parameter_value(const char *name)
{
    int number = name[0] - '0';

    switch (name[0]) {
    case '?':
        return line_format("%d", shell.status);
    case '$':
        return line_format("%d", shell.pid);
    case '!':
        return shell.background ? line_format("%d", shell.background) : "";
    case '#':
        return line_format("%d", shell.narguments);
    case '@':
    case '*':
    case '-':
        return NULL;
    }
    if (isdigit((unsigned char)name[0]))
        return number <= shell.narguments ? shell.arguments[number] : "";
    const char *value = variable_get(name);
    return value ? value : "";
}

/* Expands the parameter after a $. Returns the rest of the text, or NULL after a message. */
static const char *parameter_expand(struct expansion *e, const char *raw, bool is_quoted)
{
    bool has_braces = *raw == '{';
    const char *name = raw + has_braces;
    size_t len = parameter_name_length(name);

    if (len == 0 && !has_braces) {
        field_put(e, '$', is_quoted);
        return raw;
    }
    bool is_closed = !has_braces || name[len] == '}';
    const char *value = len > 0 && is_closed ? parameter_value(line_copy(name, len)) : NULL;
    if (!value) {
        complain("$%s: bad substitution", raw);
        return NULL;
    }
    value_put(e, value, is_quoted);
    return name + len + has_braces;
}

/* Expands '...' after its first quote. Returns the rest of the text. */
static const char *single_quotes_expand(struct expansion *e, const char *raw)
{
    e->has_field = true;
    while (*raw != '\'')
        field_put(e, *raw++, true);
    return raw + 1;
}

/* Expands the byte after a backslash; a newline there vanishes. Returns the rest of the text. */
static const char *backslash_expand(struct expansion *e, const char *raw)
{
    if (*raw == '\0')
        field_put(e, '\\', true);
    else if (*raw != '\n')
        field_put(e, *raw, true);
    return *raw ? raw + 1 : raw;
}

static const char *backquote_refuse(void)
{
    complain("`: bad substitution");
    return NULL;
}

/* Expands "..." after its first quote. Returns the rest of the text, or NULL after a message. */
static const char *double_quotes_expand(struct expansion *e, const char *raw)
{
    e->has_field = true;
    while (raw && *raw != '"') {
        char byte = *raw++;
        bool is_escape = byte == '\\' && *raw && strchr("$`\"\\\n", *raw);
        if (is_escape)
            raw = backslash_expand(e, raw);
        else if (byte == '$')
            raw = parameter_expand(e, raw, true);
        else if (byte == '`')
            raw = backquote_refuse();
        else
            field_put(e, byte, true);
    }
    return raw ? raw + 1 : NULL;
}

/* Expands one word into the current field and, if it is split, into further fields. Returns false
   after a message. */
static bool word_expand(struct expansion *e, const char *raw)
{
    while (raw && *raw) {
        char byte = *raw++;
        switch (byte) {
        case '\'':
            raw = single_quotes_expand(e, raw);
            break;
        case '"':
            raw = double_quotes_expand(e, raw);
            break;
        case '\\':
            raw = backslash_expand(e, raw);
            break;
        case '$':
            raw = parameter_expand(e, raw, false);
            break;
        case '`':
            raw = backquote_refuse();
            break;
        default:
            field_put(e, byte, false);
        }
    }
    return raw != NULL;
}

char **expand_words(const struct word *words)
{
    struct expansion e = {.may_split = true};

    for (; words; words = words->next) {
        if (!word_expand(&e, words->raw))
            return NULL;
        field_end(&e);
    }
    field_add(&e, NULL);
    return e.fields;
}

char *expand_string(const char *raw)
{
    struct expansion e = {.may_split = false};

    return word_expand(&e, raw) ? pattern_literal(&e.pattern) : NULL;
}
