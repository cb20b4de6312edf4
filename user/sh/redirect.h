/* Redirections: < > >> <& >& */
#pragma once

#include <stdbool.h>

#include "syntax.h"

enum { REDIRECT_FDS = 10 }; /* file descriptors 0 to 9 can be redirected */

/* The state of the file descriptors before their redirection. */
struct redirect_undo {
    int copy[REDIRECT_FDS]; /* a duplicate of the old file, or one of these: */
};

enum { UNDO_NOTHING = -1, UNDO_BY_CLOSING = -2 };

/* Makes the redirections. If `undo` is not NULL, redirects_undo takes them back. Returns false
   after a message, when some of them may have been made. */
bool redirects_make(const struct redirect *redirects, struct redirect_undo *undo);
void redirects_undo(const struct redirect_undo *undo);
