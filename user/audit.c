/* audit: makes the kernel recount all references to frames (docs/design.md, rule 4), and prints the
   number of differences. dmesg shows the first one. */
#include <stdio.h>

#include "lib/message.h"
#include "lib/pagoda.h"

int main(int argc, char **argv)
{
    (void)argv;
    no_arguments(argc);
    long differences = pagoda_audit();
    if (differences < 0) {
        complain_errno("cannot count the references");
        return 1;
    }
    printf("%ld differences\n", differences);
    return finish(differences > 0);
}
