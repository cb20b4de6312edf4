/* The variables of the shell: a list, in the order of their first assignment. */
#include "variables.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/memory.h"
#include "linemem.h"

struct variable {
    struct variable *next;
    char *name, *value; /* from malloc */
    bool is_exported;   /* part of the environment */
};

static struct variable *variables;

size_t variable_name_length(const char *text)
{
    size_t len = 0;

    if (isdigit((unsigned char)text[0]))
        return 0;
    while (isalnum((unsigned char)text[len]) || text[len] == '_')
        len++;
    return len;
}

/* Returns the link of the list that points to the variable, or the last link if it is not set. */
static struct variable **variable_find(const char *name)
{
    struct variable **link = &variables;

    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    return link;
}

const char *variable_get(const char *name)
{
    struct variable *variable = *variable_find(name);

    return variable ? variable->value : NULL;
}

void variable_set(const char *name, const char *value)
{
    struct variable **link = variable_find(name);
    /* copied before the old value is freed, because `value` may be a part of it */
    char *copy = must_copy(value);

    if (!*link) {
        *link = must_alloc(sizeof(**link));
        **link = (struct variable){.name = must_copy(name)};
    }
    free((*link)->value);
    (*link)->value = copy;
}

void variable_unset(const char *name)
{
    struct variable **link = variable_find(name);
    struct variable *variable = *link;

    if (!variable)
        return;
    *link = variable->next;
    free(variable->name);
    free(variable->value);
    free(variable);
}

void variable_export(const char *name)
{
    if (!variable_get(name))
        variable_set(name, "");
    (*variable_find(name))->is_exported = true; /* NOLINT: it exists now */
}

void variables_import(char **environment)
{
    for (; *environment; environment++) {
        size_t len = variable_name_length(*environment);
        if (len == 0 || (*environment)[len] != '=')
            continue;
        char *name = line_copy(*environment, len);
        variable_set(name, *environment + len + 1);
        variable_export(name);
    }
}

void variables_print_exported(void)
{
    for (struct variable *v = variables; v; v = v->next) {
        if (v->is_exported)
            printf("export %s=%s\n", v->name, v->value);
    }
}

char **variables_environment(void)
{
    size_t count = 0;

    for (struct variable *v = variables; v; v = v->next)
        count += v->is_exported;
    char **environment = line_alloc((count + 1) * sizeof(char *));
    char **slot = environment;
    for (struct variable *v = variables; v; v = v->next) {
        if (v->is_exported)
            *slot++ = line_format("%s=%s", v->name, v->value);
    }
    return environment;
}
