/* sleep SECONDS: sleeps; SECONDS may have a fraction, as in 0.25. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include "lib/message.h"

enum { SECONDS_MAX = 1000000000, NANOSECONDS = 1000000000 };

/* Sets `time` to the number of seconds in `text`. Returns false if `text` is more than digits and
   at most one point. */
static bool duration_parse(const char *text, struct timespec *time)
{
    bool has_digit = false;

    *time = (struct timespec){0};
    for (; isdigit((unsigned char)*text) && time->tv_sec < SECONDS_MAX; text++) {
        time->tv_sec = 10 * time->tv_sec + (*text - '0');
        has_digit = true;
    }
    if (*text == '.')
        text++;
    for (long unit = NANOSECONDS / 10; isdigit((unsigned char)*text); text++, unit /= 10) {
        time->tv_nsec += unit * (*text - '0');
        has_digit = true;
    }
    return has_digit && *text == '\0';
}

int main(int argc, char **argv)
{
    struct timespec time;

    if (argc != 2 || !duration_parse(argv[1], &time))
        usage("SECONDS");
    while (nanosleep(&time, &time) < 0) {
        if (errno != EINTR) {
            complain_errno("%s", argv[1]);
            return 1;
        }
    }
    return 0;
}
