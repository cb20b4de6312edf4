/* Redirections: < > >> <& >& */
#pragma once

#include <stdbool.h>

#include "syntax.h"

enum { REDIRECT_FDS = 10 }; /* the file descriptors that can be redirected: 0 to 9 */

/* Where redirected file descriptors led before. */
struct redirect_undo {
    int copy[REDIRECT_FDS]; /* a duplicate of what it was, or one of these: */
};

enum { UNDO_NOTHING = -1, UNDO_BY_CLOSING = -2 };

/* Makes the redirections, for good, or, if `undo` is not NULL, until redirects_undo.
   => false after a message; some may have been made. */
bool redirects_make(const struct redirect *redirects, struct redirect_undo *undo);
void redirects_undo(const struct redirect_undo *undo);
