/* The shell, when it runs commands from a string, and its built-in commands. The test shell_jobs
   has the shell at a terminal. */
#include "test.h"

#include <sys/resource.h>

#include "command.h"

/* The shell runs no part of a command that it does not support. */
static void the_shell_refuses_what_it_does_not_have(void)
{
    prints(2, "if true; then echo x; fi", "");
    prints(2, "{ echo a; echo b; }", "");
    prints(2, "echo a | while read x; do echo b; done", "");
    prints(0, "echo '{' if", "{ if\n");
    prints(127, "'if' x", "");
}

static void kill_names_signals(void)
{
    prints(0, "kill -l 9", "KILL\n");
    prints(0, "kill -l 139", "SEGV\n");
    prints(0, "kill -l TERM sigint 1", "15\n2\nHUP\n");
    prints(1, "kill -l none 0 128 2", "INT\n");
    prints(0, "kill -l | grep -c .", "31\n");
    prints(0, "run-limited -n 20 kill -l 9", "KILL\n"); /* the program */
}

static void kill_needs_no_process(void)
{
    prints(0, "PATH=/nowhere; kill -l 15; kill -0 $$", "TERM\n");
    prints(0, "sleep 1000 & PATH=/nowhere; kill -9 %1; wait %1; /bin/echo $?", "137\n");
}

static void kill_ends_processes_and_jobs(void)
{
    prints(0, "sleep 1000 & kill $!; wait $!; echo $?", "143\n");
    prints(0, "sleep 1000 & kill -s KILL %1; wait $!; echo $?", "137\n");
    prints(0, "sleep 1000 & kill -SIGWINCH $!; kill -9 -- $!; wait $!; echo $?", "137\n");
    prints(0, "sleep 1000 | sleep 1000 & kill -9 %1; wait %1; echo $?", "137\n");
    prints(1, "sleep 1000 & sleep 1000 & kill -9 %1 x 99999 %3 %2", "");
    prints(0, "sleep 1000 & sleep 1000 & kill -9 %1 x %2; wait %2; echo $?", "137\n");
    prints(1, "true & wait; kill %1", "");
    prints(143, "sh -c 'kill $$; echo here'", "");
}

static void kill_refuses_what_it_cannot_do(void)
{
    prints(2, "kill", "");
    prints(2, "kill -9", "");
    prints(2, "kill -s", "");
    prints(1, "kill -none 1", "");
    prints(1, "kill 99999", "");
    prints(1, "kill %1", "");
    prints(0, "kill 1x 2>&1 | cat", "sh: kill: 1x: not a process number (ps lists them)\n");
    prints(0, "kill -0 99999 2>&1 | cat", "sh: kill: 99999: No such process\n");
    prints(0, "kill 2>&1 | head -c 13", "sh: kill: usa");
}

static void wait_takes_jobs(void)
{
    prints(3, "sh -c 'exit 3' & wait %1", "");
    prints(3, "sh -c 'exit 3' & wait $!", "");
    prints(127, "wait %1", "");
    prints(127, "wait 99999", "");
    prints(2, "wait x", "");
    prints(0, "sh -c 'exit 3' & wait; echo $?", "0\n");
}

static void jobs_lists_jobs(void)
{
    prints(0, "sleep 1000 & jobs; jobs | grep -c Running; kill -9 %1",
           "[1] Running      sleep 1000\n1\n");
    prints(0, "sleep 1000 & test=$!; jobs -p | grep -c $test; jobs -l | grep -c $test; kill -9 %1",
           "1\n1\n");
    prints(0, "jobs; jobs -l; jobs -p", "");
    prints(2, "jobs x", "");
    prints(1, "fg", ""); /* only at a terminal */
    prints(1, "bg", "");
}

static void ulimit_sets_limits(void)
{
    prints(0, "ulimit -s 40; ulimit -s; sh -c 'ulimit -s'", "40\n40\n");
    prints(0, "ulimit -u 99; ulimit -u; ulimit -f 8; ulimit -f; ulimit; ulimit -c",
           "99\n8\n8\n0\n");
    prints(0, "ulimit -Hn 30; ulimit -n; ulimit -Hn; ulimit -n hard; ulimit -Sn", "30\n30\n30\n");
    prints(0, "ulimit -s 40; ulimit -Hs", "unlimited\n");
    prints(0, "ulimit -HSv 65536; ulimit -v; ulimit -H -v; ulimit -v unlimited; ulimit -Hv",
           "65536\n65536\nunlimited\n");
    prints(0, "ulimit -a | grep -c .", "8\n");
    prints(2, "ulimit -s 40 50", "");
    prints(2, "ulimit -x", "");
    prints(2, "ulimit -sv", "");
    prints(2, "ulimit -a 5", "");
    prints(2, "ulimit -s x", "");
    prints(2, "ulimit -s -1", "");
    prints(0, "ulimit -s 99999999999999999999 2>/dev/null; echo $?", "2\n");
}

int main(void)
{
    pagoda_only(); /* Linux has other shells */
    RUN(the_shell_refuses_what_it_does_not_have);
    RUN(kill_names_signals);
    RUN(kill_needs_no_process);
    RUN(kill_ends_processes_and_jobs);
    RUN(kill_refuses_what_it_cannot_do);
    RUN(wait_takes_jobs);
    RUN(jobs_lists_jobs);
    RUN(ulimit_sets_limits);
    return test_end();
}
