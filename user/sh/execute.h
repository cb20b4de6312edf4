/* Runs command lines. */
#pragma once

#include "syntax.h"

/* Runs the list, and leaves the status of its last command in shell.status. */
void list_run(struct and_or *list);
