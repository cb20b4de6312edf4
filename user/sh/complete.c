/* Completion: collects the names that begin like the word, and finds their common beginning. Quotes
   are not understood. */
#include "complete.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../lib/files.h"
#include "../lib/memory.h"
#include "builtins.h"
#include "linemem.h"
#include "variables.h"

static const char *word_start(const char *text)
{
    const char *start = text + strlen(text);

    while (start > text && !strchr(" \t|&;()<>", start[-1]))
        start--;
    return start;
}

/* Returns true if a word that begins at `start` is a command: it is first, or follows an
   operator. */
static bool is_command_place(const char *text, const char *start)
{
    while (start > text && (start[-1] == ' ' || start[-1] == '\t'))
        start--;
    return start == text || strchr("|&;(", start[-1]);
}

static void add(struct completion *found, const char *name)
{
    for (size_t i = 0; i < found->count; i++) {
        if (strcmp(found->names[i], name) == 0)
            return;
    }
    found->names = must_resize(found->names, (found->count + 1) * sizeof(char *));
    found->names[found->count++] = must_copy(name);
}

static bool begins_with(const char *name, const char *begin)
{
    return strncmp(name, begin, strlen(begin)) == 0;
}

/* Adds the names in a directory that start with `begin`. A directory's name gets a slash. A name
   that begins with a dot is added only if `begin` does too. */
static void add_files(struct completion *found, const char *directory, const char *begin)
{
    struct dir_names names;
    struct stat stat_buffer;

    if (!dir_read(directory, &names))
        return;
    for (size_t i = 0; i < names.count; i++) {
        if (!begins_with(names.name[i], begin) || (names.name[i][0] == '.' && begin[0] != '.'))
            continue;
        const char *path = line_format("%s/%s", directory, names.name[i]);
        bool is_dir = stat(path, &stat_buffer) == 0 && S_ISDIR(stat_buffer.st_mode);
        add(found, line_format("%s%s", names.name[i], is_dir ? "/" : ""));
    }
    dir_names_free(&names);
}

static void add_commands(struct completion *found, const char *begin)
{
    const char *path = variable_get("PATH"), *name;

    for (size_t n = 0; (name = builtin_name(n)); n++) {
        if (begins_with(name, begin))
            add(found, name);
    }
    while (path && *path) {
        size_t len = strcspn(path, ":");
        add_files(found, len > 0 ? line_copy(path, len) : ".", begin);
        path += len + (path[len] == ':');
    }
}

/* Returns the number of bytes that all names have in common at their beginning. */
static size_t common_length(const struct completion *found)
{
    size_t len = strlen(found->names[0]);

    for (size_t i = 1; i < found->count; i++) {
        while (strncmp(found->names[0], found->names[i], len) != 0)
            len--;
    }
    return len;
}

static bool ends_in_slash(const char *name)
{
    return name[strlen(name) - 1] == '/';
}

/* Returns the text to insert after `begin`. It ends in a blank if the word is then complete. */
static char *rest_of(const struct completion *found, const char *begin)
{
    if (found->count == 0)
        return must_copy("");
    size_t len = common_length(found), done = strlen(begin);
    bool is_complete = found->count == 1 && !ends_in_slash(found->names[0]);
    const char *rest = line_copy(found->names[0] + done, len - done);
    return must_copy(line_format("%s%s", rest, is_complete ? " " : ""));
}

struct completion complete(const char *text)
{
    struct completion found = {0};
    const char *word = word_start(text), *slash = strrchr(word, '/');
    const char *begin = slash ? slash + 1 : word;

    if (slash)
        add_files(&found, slash == word ? "/" : line_copy(word, slash - word), begin);
    else if (is_command_place(text, word))
        add_commands(&found, begin);
    else
        add_files(&found, ".", begin);
    found.rest = rest_of(&found, begin);
    return found;
}

void completion_free(struct completion *completion)
{
    for (size_t i = 0; i < completion->count; i++)
        free(completion->names[i]);
    free(completion->names);
    free(completion->rest);
}
