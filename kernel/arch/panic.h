/* Stopping a CPU because another panics. */
#pragma once

/* Stops this CPU for ever if another CPU panics. Called by the NMI handler. */
void panic_stop_if_asked(void);
