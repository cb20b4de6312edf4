/* halt: switches the machine off. */
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "lib/message.h"

int main(int argc, char **argv)
{
    (void)argv;
    no_arguments(argc);
    umount2("/disk", 0); /* if nobody uses it; what sync writes is whole in any case */
    sync();
    reboot(RB_POWER_OFF);
    complain_errno("the machine stays on"); /* reached only after a failure */
    return 1;
}
