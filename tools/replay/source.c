/* Reading records (source.h).

   The ring is written by the kernel. `made` grows after a record is complete, and `read` after it
   is copied, so neither side meets a record that the other one works on. */

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>
#include "source.h"

/* A pause, if the ring is empty. */
#define PAUSE_MS 1

static _Noreturn void stop(const char *path, const char *why)
{
    fprintf(stderr, "replay: %s: %s\n", path, why);
    exit(2);
}

static void check_header(const struct source *source)
{
    const struct recording *header = &source->header;

    if (memcmp(header->magic, RECORDING_MAGIC, sizeof(header->magic)))
        stop(source->path, "it is no recording");
    if (header->version != RECORDING_VERSION)
        stop(source->path, "it is a recording of another version");
}

void source_open_file(struct source *source, const char *path)
{
    char page[RECORDING_HEADER];

    *source = (struct source){.path = path, .file = fopen(path, "rb")};
    if (!source->file)
        stop(path, "it cannot be read");
    if (fread(page, sizeof(page), 1, source->file) != 1)
        stop(path, "it is too short");
    memcpy(&source->header, page, sizeof(source->header));
    check_header(source);
    if (source->header.event_size != sizeof(struct event))
        stop(path, "the machine has begun no recording");
}

void source_open_ring(struct source *source, const char *path)
{
    struct stat stat;
    int fd = open(path, O_RDWR);

    *source = (struct source){.path = path};
    if (fd < 0 || fstat(fd, &stat))
        stop(path, "it cannot be opened");
    char *memory = mmap(NULL, stat.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        stop(path, "it cannot be mapped");
    source->ring = (struct recording *)memory;
    source->slots = (const struct event *)(memory + RECORDING_HEADER);
    source->header = *source->ring;
    check_header(source);
    if (RECORDING_HEADER + source->header.slots * sizeof(struct event) > (uint64_t)stat.st_size)
        stop(path, "it is too short for its slots");
}

void source_copy_to(struct source *source, const char *path)
{
    char page[RECORDING_HEADER] = {0};

    source->copy = fopen(path, "wb");
    if (!source->copy || fwrite(page, sizeof(page), 1, source->copy) != 1)
        stop(path, "it cannot be written");
}

/* Waits until the machine has made a record. Returns false if it has ended before. */
static bool await_record(struct source *source)
{
    struct pollfd input = {.fd = 0, .events = POLLIN};
    bool has_ended = false;
    char ignored[64];

    while (__atomic_load_n(&source->ring->made, __ATOMIC_ACQUIRE) == source->ring->read) {
        if (has_ended)
            return false;
        if (poll(&input, 1, PAUSE_MS) > 0)
            has_ended = read(0, ignored, sizeof(ignored)) <= 0;
    }
    return true;
}

bool source_next(struct source *source, struct event *event)
{
    if (source->file)
        return fread(event, sizeof(*event), 1, source->file) == 1;
    if (!await_record(source))
        return false;
    *event = source->slots[source->ring->read % source->header.slots];
    __atomic_store_n(&source->ring->read, source->ring->read + 1, __ATOMIC_RELEASE);
    if (source->copy && fwrite(event, sizeof(*event), 1, source->copy) != 1)
        stop(source->path, "the copy cannot be written");
    return true;
}

void source_close(struct source *source)
{
    char page[RECORDING_HEADER] = {0};

    if (source->ring)
        source->header = *source->ring;
    if (!source->copy)
        return;
    memcpy(page, &source->header, sizeof(source->header));
    rewind(source->copy);
    if (fwrite(page, sizeof(page), 1, source->copy) != 1 || fclose(source->copy))
        stop(source->path, "the copy cannot be written");
}
