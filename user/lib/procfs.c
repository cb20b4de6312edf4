/* Files of /proc that hold a "Key:  value" or "key value" on each line. */
#include "procfs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the value of `field` from `line`, if the line is about that field. */
static void field_match(struct procfs_field *field, const char *line)
{
    size_t len = strlen(field->key);

    bool is_key = strncmp(line, field->key, len) == 0 && (line[len] == ':' || line[len] == ' ');

    if (!is_key)
        return;
    const char *value = line + len + 1;
    value += strspn(value, " \t");
    snprintf(field->value, sizeof(field->value), "%.*s", (int)strcspn(value, "\n"), value);
}

bool procfs_read(const char *path, struct procfs_field *fields, size_t nfields)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0;

    if (!file)
        return false;
    for (size_t i = 0; i < nfields; i++)
        fields[i].value[0] = '\0';
    while (getline(&line, &capacity, file) > 0) {
        for (size_t i = 0; i < nfields; i++)
            field_match(&fields[i], line);
    }
    int error = ferror(file) ? errno : 0;
    free(line);
    fclose(file);
    errno = error;
    return error == 0;
}
