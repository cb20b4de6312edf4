/* A file's mode in letters. */
#pragma once

#include <sys/stat.h>

#define MODE_TEXT_SIZE 11

/* "drwxr-xr-x", with its final 0. A set-user-ID, set-group-ID or sticky bit takes the place of an x: s, s, t, and in
   capitals where there is no x. */
void mode_text(mode_t mode, char text[MODE_TEXT_SIZE]);
