/* Programs notice that their output cannot be written, and that it would never end. */
#include "test.h"

#include <stdio.h>

#include "command.h"

/* Each program that prints. The file is full, so that nothing can be written to it. */
static const char *const printing[] = {
    "audit",
    "cat /README",
    "crash",
    "df",
    "dmesg",
    "echo x",
    "free",
    "grep e /README",
    "ls /bin",
    "head /README",
    "ls -l /bin",
    "hexdump -C /README",
    "kill -l",
    "maps",
    "ps",
    "stat /tmp",
    "top -b -n 1",
    "top -b -d 0",
    "uptime",
    "vmstat",
    "vmstat -s",
    "vmstat 1",
    "wc /README",
    "sh -c pwd",
    "export",
    "ulimit -a",
    "sh -c 'kill -l'",
    "head -c 1 /README",
    "run-limited -n 20 kill -l",
};

static void programs_notice_a_full_device(void)
{
    char script[128], *text;

    for (size_t i = 0; i < ARRAY_SIZE(printing); i++) {
        snprintf(script, sizeof(script), "%s > /dev/full", printing[i]);
        int status = output_of(script, &text);
        if (status == 0 || status > 2)
            test_fail(__FILE__, __LINE__, "%s ends with %d", printing[i], status);
    }
}

/* A shell that has said so goes on. */
static void the_shell_goes_on(void)
{
    prints(0, "pwd > /dev/full; echo $?; pwd", "1\n/\n");
}

static void strace_says_what_is_lost(void)
{
    prints(0, "strace -o /dev/full true 2>&1", "strace: /dev/full: a part of the output is lost\n");
}

static void cat_reads_no_file_that_it_writes(void)
{
    temp_dir_enter();
    CHECK_OK(close(create_file("f", "text", 4)));
    fails("cat f >> f");
    fails("cat < f >> f");
    prints(0, "cat f", "text");
    runs("cat f > f"); /* it is empty when cat starts */
    prints(0, "cat f", "");
    CHECK_OK(unlink("f"));
    temp_dir_leave();
}

static void rm_leaves_the_root(void)
{
    fails("rm -r /");
    fails("rm -rf /tmp/..");
    fails("rm -rf //");
    CHECK_OK(access("/bin/sh", X_OK));
}

int main(void)
{
    pagoda_only(); /* Debian has programs of its own */
    CHECK_OK(chdir("/"));
    RUN(programs_notice_a_full_device);
    RUN(the_shell_goes_on);
    RUN(strace_says_what_is_lost);
    RUN(cat_reads_no_file_that_it_writes);
    RUN(rm_leaves_the_root);
    return test_end();
}
