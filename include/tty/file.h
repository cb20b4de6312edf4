/* The terminal's device files: /dev/console and /dev/tty. */
#pragma once

/* Registers them. Called once, at boot, before fs_init. */
void tty_file_init(void);
