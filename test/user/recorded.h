/* The disk whose writes tools/crash.py records, with an ext2 at /disk. Pagoda only.

   The file system ends before the disk does. Each writer has a page behind it, its mark: lines that
   say what must be found on the disk from now on, if the machine loses its power. A mark is written
   to the disk like everything else, so the record orders marks and all other writes. A mark that is
   in the record counts, even if the loss of power would have lost the mark itself. The lines:

       any PATH:GENERATION:START:END:MAX ...   one of these files is there: its bytes from START to
                                               END are those of the generation, and it has at most
                                               MAX bytes
       gone PATH                               there is no such name
       link PATH TARGET                        there is a symbolic link
       rows PATH COUNT                         a database of sqlite is whole, and has COUNT rows, or
                                               one more */
#pragma once

#include "test.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RECORDED_WRITERS 8

/* The mark of one writer, as it is being composed. */
struct mark {
    int device, writer;
    size_t len;
    char text[PAGE + 1];
};

/* Opens the recorded disk for a writer, below RECORDED_WRITERS. Returns false if the machine has no
   such disk. */
bool mark_open(struct mark *mark, int writer);
void mark_close(struct mark *mark);

void mark_clear(struct mark *mark);
void mark_add(struct mark *mark, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts the mark on the disk. */
void mark_set(const struct mark *mark);

/* Writes the bytes of a generation: records of 16 bytes, which have the generation and their own
   place in the file. Both ends are multiples of RECORD_BYTES. */
#define RECORD_BYTES 16L
void generation_write(int fd, unsigned generation, off_t start, off_t end);

#ifdef __cplusplus
}
#endif
