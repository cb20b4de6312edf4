/* Stopping a CPU because another has panicked. */
#pragma once

/* Called by NMI: stops this CPU for ever if a panic is under way. */
void panic_stop_if_asked(void);
