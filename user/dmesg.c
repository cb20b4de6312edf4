/* dmesg: shows the last messages of the kernel; among them, of every program that it had to kill, why. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/klog.h>

#include "lib/message.h"

/* Linux's names for these are not for programs: see syslog(2). */
enum { READ_ALL = 3, SIZE_OF_ALL = 10 };

int main(int argc, char **argv)
{
    (void)argv;
    no_arguments(argc);
    int size = klogctl(SIZE_OF_ALL, NULL, 0);
    char *messages = size < 0 ? NULL : malloc(size);
    int len = messages ? klogctl(READ_ALL, messages, size) : -1;

    if (len < 0)
        complain_errno("the kernel's messages");
    else
        fwrite(messages, 1, len, stdout);
    free(messages);
    return finish(len < 0);
}
