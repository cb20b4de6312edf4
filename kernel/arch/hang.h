/* Counting the reports of hangs. */
#pragma once

/* Notes that this CPU has handled an NMI. Called by the NMI handler when it is done. */
void hang_answered(void);
