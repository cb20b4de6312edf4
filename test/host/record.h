/* Recording a run on the host. */
#pragma once

/* Writes all events from now on to a file. Before platform_init. Ends the process if that fails. */
void record_start(const char *path);
