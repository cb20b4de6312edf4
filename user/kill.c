/* kill [-SIGNAL | -s SIGNAL] PID...: sends a signal to processes. SIGNAL is a name or a number, and
   TERM by default. A negative PID means the process group -PID.

   kill -l [SIGNAL...]: lists the names of all signals, or translates a name into its number and a
   number into its name. The number may also be the status of a program that the signal killed. */
#include <ctype.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/message.h"
#include "lib/number.h"
#include "lib/signals.h"

enum { STATUS_OF_SIGNAL = 128 }; /* a shell adds the number of the signal that killed a program */

static const char synopsis[] = "[-SIGNAL | -s SIGNAL] PID... | -l [SIGNAL...]";

static int names_list(void)
{
    for (int i = 1; i < signal_names_end(); i++)
        printf("%2d %s\n", i, signal_short_name(i));
    return finish(0);
}

/* Returns the signal with this name, with or without SIG, or this number; -1 if there is none. */
static int signal_parse(const char *text)
{
    long number;

    if (number_parse(text, 0, _NSIG - 1, &number))
        return number;
    if (strncasecmp(text, "SIG", 3) == 0)
        text += 3;
    for (int i = 1; i < signal_names_end(); i++) {
        if (strcasecmp(text, signal_short_name(i)) == 0)
            return i;
    }
    return -1;
}

/* Prints the name of a number, or the number of a name. */
static bool signal_translate(const char *text)
{
    long status = 0;
    bool is_status =
        number_parse(text, STATUS_OF_SIGNAL + 1, STATUS_OF_SIGNAL + _NSIG - 1, &status);
    int signal = is_status ? status - STATUS_OF_SIGNAL : signal_parse(text);
    const char *name = signal_short_name(signal);

    if (!name) {
        complain("%s: no such signal (kill -l lists them)", text);
        return false;
    }
    if (isdigit((unsigned char)*text))
        puts(name);
    else
        printf("%d\n", signal);
    return true;
}

/* Runs kill -l with these arguments. */
static int list(char **arguments)
{
    bool is_ok = true;

    if (!*arguments)
        return names_list();
    for (; *arguments; arguments++)
        is_ok = signal_translate(*arguments) && is_ok;
    return finish(!is_ok);
}

static bool argument_kill(const char *text, int signal)
{
    long pid;

    if (!number_parse(text, INT_MIN, INT_MAX, &pid)) {
        complain("%s: not a process number (ps lists them)", text);
        return false;
    }
    if (kill(pid, signal) == 0)
        return true;
    complain_errno("%s", text);
    return false;
}

/* Takes the signal from the front of the arguments. Returns it, or -1 after a message. */
static int signal_take(char ***arguments)
{
    const char *name = (*arguments)[0];

    if (!name || name[0] != '-')
        return SIGTERM;
    name++;
    (*arguments)++;
    if (strcmp(name, "-") == 0)
        return SIGTERM;
    if (strcmp(name, "s") == 0) {
        name = *(*arguments)++;
        if (!name)
            usage(synopsis);
    }
    int signal = signal_parse(name);
    if (signal < 0)
        complain("%s: no such signal (kill -l lists them)", name);
    return signal;
}

int main(int argc, char **argv)
{
    int status = 0;

    if (argc < 2)
        usage(synopsis);
    if (strcmp(argv[1], "-l") == 0)
        return list(argv + 2);
    argv++;
    int signal = signal_take(&argv);
    if (signal < 0)
        return 1;
    if (!*argv)
        usage(synopsis);
    for (; *argv; argv++) {
        if (!argument_kill(*argv, signal))
            status = 1;
    }
    return status;
}
