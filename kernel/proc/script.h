/* Scripts: text files whose first line names the program that runs them. */
#pragma once

#include <lib/base.h>

struct vnode;

/* The bytes of a file that decide what it is, as on Linux. A first line may be longer only if it
   is cut off within the argument. */
#define SCRIPT_HEAD 256

/* The first line of a script: "#!", the interpreter, and perhaps one argument, in which blanks
   have no meaning. */
struct script {
    char head[SCRIPT_HEAD];  /* the beginning of the file, cut into the strings below */
    const char *interpreter; /* the path of the program; may be empty */
    const char *argument;    /* NULL: none */
};

/* Reads the first line of the file `exe`. Returns 1 if it is a script, 0 if it is none. Errors:
   -ENOEXEC (the line names no program, or is too long), -ENOMEM. */
__must_check int script_read(struct vnode *exe, struct script *script);
