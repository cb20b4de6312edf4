/* dmesg: shows the last messages of the kernel. They say why it killed a program. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/klog.h>

#include "lib/message.h"

/* Commands of syslog(2), whose names Linux keeps from programs. */
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
