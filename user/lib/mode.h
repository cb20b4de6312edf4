/* A file's mode in letters. */
#pragma once

#include <sys/stat.h>

#define MODE_TEXT_SIZE 11

/* Writes a mode as ten letters and a 0, as in "drwxr-xr-x". A set-user-ID, set-group-ID or sticky
   bit replaces an x by s, s or t, and a missing x by S, S or T. */
void mode_text(mode_t mode, char text[MODE_TEXT_SIZE]);
