/* kill [-SIGNAL | -s SIGNAL] PID...: sends a signal to processes. */
#include "kill.h"

#include <ctype.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "message.h"
#include "number.h"
#include "signals.h"

enum { STATUS_OF_SIGNAL = 128 }; /* a shell adds the number of the signal that killed a program */

static const struct kill_caller *caller;

/* ---- Names of signals ---- */

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

static void signal_unknown(const char *text)
{
    complain("%s%s: no such signal (kill -l lists them)", caller->prefix, text);
}

static void names_list(void)
{
    for (int i = 1; i < signal_names_end(); i++)
        printf("%2d %s\n", i, signal_short_name(i));
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
        signal_unknown(text);
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
        names_list();
    for (; *arguments; arguments++)
        is_ok = signal_translate(*arguments) && is_ok;
    return !is_ok;
}

/* ---- Sending ---- */

static bool argument_signal(const char *text, int signal)
{
    long pid;

    if (text[0] == '%' && caller->job_signal)
        return caller->job_signal(text, signal);
    if (!number_parse(text, INT_MIN, INT_MAX, &pid)) {
        complain("%s%s: not a process number (ps lists them)", caller->prefix, text);
        return false;
    }
    if (kill(pid, signal) == 0)
        return true;
    complain_errno("%s%s", caller->prefix, text);
    return false;
}

/* Takes the option for the signal from the front of the arguments, if there is one. Returns the
   name of the signal, or NULL if it lacks. */
static const char *option_take(char ***arguments)
{
    const char *option = **arguments;

    if (!option || option[0] != '-' || strcmp(option, "--") == 0)
        return "TERM";
    (*arguments)++;
    if (strcmp(option, "-s") != 0 && strcmp(option, "-n") != 0)
        return option + 1;
    return **arguments ? *(*arguments)++ : NULL;
}

int kill_run(char **arguments, const struct kill_caller *by)
{
    bool is_ok = true;

    caller = by;
    if (*arguments && strcmp(*arguments, "-l") == 0)
        return list(arguments + 1);
    const char *name = option_take(&arguments);
    if (!name)
        return KILL_USAGE;
    int signal = signal_parse(name);
    if (signal < 0) {
        signal_unknown(name);
        return 1;
    }
    if (*arguments && strcmp(*arguments, "--") == 0)
        arguments++;
    if (!*arguments)
        return KILL_USAGE;
    for (; *arguments; arguments++)
        is_ok = argument_signal(*arguments, signal) && is_ok;
    return !is_ok;
}
