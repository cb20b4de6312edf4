#include "recorded.h"

#include "disk.h"

#include <stdarg.h>
#include <stdio.h>

/* The file system has so many bytes; tools/crash.py has this number, too. */
#define FILE_SYSTEM_BYTES (8 * MIB)

bool mark_open(struct mark *mark, int writer)
{
    const char *path = disk_find(DISK_RECORDED);

    *mark = (struct mark){.writer = writer};
    if (path)
        mark->device = CHECK_OK(open(path, O_RDWR));
    return path;
}

void mark_close(struct mark *mark)
{
    CHECK_OK(close(mark->device));
}

void mark_clear(struct mark *mark)
{
    memset(mark->text, 0, sizeof(mark->text));
    mark->len = 0;
}

void mark_add(struct mark *mark, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    mark->len += vsnprintf(mark->text + mark->len, sizeof(mark->text) - mark->len, format, list);
    va_end(list);
    CHECK(mark->len <= PAGE);
}

void mark_set(const struct mark *mark)
{
    off_t place = FILE_SYSTEM_BYTES + mark->writer * PAGE;

    CHECK_EQ(CHECK_OK(pwrite(mark->device, mark->text, PAGE, place)), PAGE);
    CHECK_OK(fsync(mark->device));
}

void generation_write(int fd, unsigned generation, off_t start, off_t end)
{
    char record[RECORD_BYTES + 1];
    size_t len = end - start;
    char *bytes = malloc(len + 1);

    CHECK(bytes);
    for (off_t at = start; at < end; at += RECORD_BYTES) {
        snprintf(record, sizeof(record), "%07x.%07lx\n", generation, (long)(at / RECORD_BYTES));
        memcpy(bytes + (at - start), record, RECORD_BYTES);
    }
    CHECK_EQ(CHECK_OK(pwrite(fd, bytes, len, start)), len);
    free(bytes);
}
