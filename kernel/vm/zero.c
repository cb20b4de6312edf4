/* The shared zero page (vm/zero.h). */

#include <lib/panic.h>
#include <vm/zero.h>

struct frame *zero_page;

void zero_page_init(void)
{
    assert(!zero_page);
    zero_page = frame_alloc_zeroed(FRAME_ZERO);
    if (!zero_page)
        panic("no memory for the zero page");
}
