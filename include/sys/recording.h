/* Recording a run: all events go out of the machine, through memory that the host shows as a device
   (docs/recording.md). */
#pragma once

/* Starts the recording if the machine has such a device. Before frame_init. */
void recording_init(void);
