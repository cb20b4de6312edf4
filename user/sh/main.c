/* sh: the shell.

       sh                                 runs commands from the standard input; if that is a
                                          terminal, interactively
       sh FILE [WORD...]                  runs commands from a file; the words are $1, $2, ...
       sh -c COMMANDS [NAME [WORD...]]    runs these commands; NAME is $0

   A line goes through input.c, lexer.c, parser.c (which makes the tree of syntax.h) and execute.c,
   which calls expand.c for its words and jobs.c for its processes. Then its memory is freed
   (linemem.h). */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/message.h"
#include "execute.h"
#include "input.h"
#include "jobs.h"
#include "linemem.h"
#include "parser.h"
#include "shell.h"
#include "variables.h"

extern char **environ;

struct shell shell;

static void arguments_take(char **arguments, int count)
{
    shell.arguments = arguments;
    shell.narguments = count - 1;
}

static void interactive_begin(void)
{
    shell.is_interactive = true;
    if (!variable_get("PS1"))
        variable_set("PS1", "$ ");
    if (!variable_get("PS2"))
        variable_set("PS2", "> ");
    jobs_begin_interactive();
}

/* Chooses the source of commands. Returns 0, or, after a message, the status to end with. */
static int input_choose(struct input *input, int argc, char **argv)
{
    arguments_take(argv, 1);
    if (argc == 1) {
        input_from_stdin(input);
        if (isatty(STDIN_FILENO))
            interactive_begin();
    } else if (strcmp(argv[1], "-c") == 0 && argc > 2) {
        input_from_text(input, argv[2]);
        if (argc > 3)
            arguments_take(argv + 3, argc - 3);
    } else if (argv[1][0] == '-') {
        usage("[-c COMMANDS | FILE] [WORD...]");
    } else {
        if (!input_from_file(input, argv[1])) {
            complain_errno("%s", argv[1]);
            return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_RUN;
        }
        arguments_take(argv + 1, argc - 1);
    }
    return 0;
}

/* Reads and runs one line. Returns false if there are no more. */
static bool line_run(struct input *input)
{
    bool had_warned = shell.has_warned;
    struct and_or *list;

    shell.is_interrupted = false;
    switch (parse_line(input, &list)) {
    case PARSE_LINE:
        list_run(list);
        if (had_warned)
            shell.has_warned = false; /* the line did not try to end the shell again */
        return true;
    case PARSE_ERROR:
        shell.status = shell.is_interrupted ? STATUS_SIGNAL_BASE + SIGINT : STATUS_USAGE;
        return shell.is_interactive;
    default:
        if (shell.is_interactive)
            fputc('\n', stderr); /* after the prompt, at which Ctrl-D was pressed */
        return !jobs_may_be_left();
    }
}

int main(int argc, char **argv)
{
    struct input input;
    bool has_more;

    shell.pid = getpid();
    variables_import(environ);
    int error = input_choose(&input, argc, argv);
    if (error)
        return error;
    do {
        if (shell.is_interactive)
            jobs_report();
        has_more = line_run(&input);
        line_release();
    } while (has_more);
    return shell.status;
}
