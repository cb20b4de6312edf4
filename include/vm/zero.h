/* The shared zero page: what a read shows where nothing was written yet. Entries show it like any
   page, but their references are not counted (FRAME_ZERO); no entry allows a write to it. */
#pragma once

#include <mm/frame.h>

/* Makes the zero page. Called once, at boot. */
void zero_page_init(void);

/* The zero page. Constant after boot. */
extern struct frame *zero_page;

static inline bool frame_is_zero_page(const struct frame *frame)
{
    return frame->kind == FRAME_ZERO;
}
