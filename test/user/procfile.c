/* See procfile.h. */
#include "procfile.h"

void proc_lines(const char *path, void (*visit)(const char *line, void *context), void *context)
{
    CHECK(each_line(path, visit, context));
}

size_t proc_read_all(int fd, char *bytes, size_t capacity, size_t size)
{
    size_t done = 0;
    ssize_t len;

    while ((len = CHECK_OK(read(fd, bytes + done, size))) > 0) {
        done += len;
        CHECK(done + size <= capacity);
    }
    return done;
}

size_t proc_text(const char *path, char **text)
{
    static char bytes[16 * PAGE];
    int fd = CHECK_OK(open(path, O_RDONLY));
    size_t len = proc_read_all(fd, bytes, sizeof(bytes) - 1, PAGE);

    CHECK_OK(close(fd));
    bytes[len] = '\0';
    *text = bytes;
    return len;
}

void proc_stat_read(const char *path, unsigned long field[STAT_FIELDS + 1], char *state)
{
    char *text, *next;
    int n = 3;

    proc_text(path, &text);
    memset(field, 0, (STAT_FIELDS + 1) * sizeof(field[0]));
    field[1] = strtoul(text, NULL, 10);
    next = strrchr(text, ')');
    CHECK(next && next[1] == ' ');
    *state = next[2];
    for (next += 3; *next == ' ' && n < STAT_FIELDS; next++) {
        char *end;
        field[++n] = strtoul(next, &end, 10);
        CHECK(end > next);
        next = end - 1;
    }
    CHECK_EQ(n, STAT_FIELDS);
    CHECK(*next == '\n' && next[1] == '\0');
}
