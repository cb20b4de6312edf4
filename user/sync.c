/* sync: writes everything that is not on the disks yet. */
#include <unistd.h>

#include "lib/message.h"

int main(int argc, char **argv)
{
    (void)argv;
    no_arguments(argc);
    sync();
    return 0;
}
