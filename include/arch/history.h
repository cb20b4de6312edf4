/* DEBUG: who allocated each frame, who freed it, and who put the last references. Other builds keep
   none of it. */
#pragma once

#include <lib/base.h>

enum history_act { HISTORY_ALLOCATED, HISTORY_FREED, HISTORY_PUT };

#if defined(DEBUG) && !defined(NO_HISTORY)

/* Makes room for the history of `nframes` frames. Called once, at boot. */
void history_init(uint32_t nframes);

/* Returns how many bytes that takes. */
uint64_t history_bytes(uint32_t nframes);

/* Notes the callers of the calling function. HISTORY_ALLOCATED forgets earlier puts. */
void history_note(uint32_t pfn, enum history_act act);

/* Prints what is known of a frame. Takes no lock. */
void history_print(uint32_t pfn);

#else

static inline void history_init(uint32_t nframes __unused)
{
}

static inline uint64_t history_bytes(uint32_t nframes __unused)
{
    return 0;
}

static inline void history_note(uint32_t pfn __unused, enum history_act act __unused)
{
}

static inline void history_print(uint32_t pfn __unused)
{
}

#endif
