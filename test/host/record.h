/* Recording a run on the host. */
#pragma once

/* Writes all events from now on to the file that the environment names by RECORD, if it does. Called
   by platform_init. Ends the process if the file cannot be written. */
void record_init(void);
