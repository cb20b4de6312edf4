/* audit: has the kernel count all references to frames again, from nothing (docs/design.md, rule 4). The first
   difference that it finds stands in dmesg. */
#include <stdio.h>

#include "lib/message.h"
#include "lib/pagoda.h"

int main(int argc, char **argv)
{
    (void)argv;
    no_arguments(argc);
    long differences = pagoda_audit();
    if (differences < 0) {
        complain_errno("cannot count");
        return 1;
    }
    printf("%ld differences\n", differences);
    return finish(differences > 0);
}
