/* The small programs: cp, mv, head and hexdump do byte for byte what those of Debian do, which run
   in this test on Linux. The output of top, vmstat, uptime and run-limited can be parsed. */
#include "test.h"

#include <stdio.h>

#include "command.h"

static void file_make(const char *name, const char *text)
{
    CHECK_OK(close(create_file(name, text, strlen(text))));
}

static unsigned mode_of(const char *path)
{
    struct stat status;

    CHECK_OK(lstat(path, &status));
    return status.st_mode & 07777;
}

/* Makes a directory with everything that can be copied. */
static void tree_make(void)
{
    const struct timespec times[] = {{.tv_sec = 1000}, {.tv_sec = 2000}};

    CHECK_OK(mkdir("tree", 0755));
    CHECK_OK(mkdir("tree/below", 0700));
    file_make("tree/file", "one\ntwo\n");
    file_make("tree/below/deep", "deep\n");
    CHECK_OK(chmod("tree/file", 0751));
    CHECK_OK(symlink("file", "tree/link"));
    CHECK_OK(utimensat(AT_FDCWD, "tree/file", times, 0));
}

static void begin(void)
{
    temp_dir_enter();
    umask(022);
    tree_make();
}

static void end(void)
{
    runs("rm -r *");
    temp_dir_leave();
}

/* head */

static void head_shows_the_beginning(void)
{
    begin();
    file_make("lines", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12");
    prints(0, "head lines", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n");
    prints(0, "head -n 2 lines", "1\n2\n");
    prints(0, "head -2 lines", "1\n2\n");
    prints(0, "head -n 0 lines", "");
    prints(0, "head -n 99 lines | wc -c | cat", on_pagoda() ? "     26\n" : "26\n");
    prints(0, "head -c 4 lines", "1\n2\n");
    prints(0, "cat lines | head -n 1", "1\n");
    prints(0, "head -n 1 lines tree/file", "==> lines <==\n1\n\n==> tree/file <==\none\n");
    prints(0, "head -q -n 1 lines tree/file", "1\none\n");
    prints(0, "head -v -n 1 lines", "==> lines <==\n1\n");
    prints(1, "head -n 1 missing lines", "==> lines <==\n1\n");
    fails("head -n x lines");
    fails("head tree >/dev/null");
    end();
}

/* hexdump */

static bool has_hexdump(void)
{
    return on_pagoda() || access("/usr/bin/hexdump", X_OK) == 0;
}

static void hexdump_shows_bytes(void)
{
    if (!has_hexdump())
        return;
    begin();
    file_make("abc", "abc");
    file_make("long", "0123456789abcdef0123456789abcdef0123456789abcdef\n\x80\x7f");
    prints(0, "hexdump tree/file", "0000000 6e6f 0a65 7774 0a6f                    \n0000008\n");
    prints(0, "hexdump abc", "0000000 6261 0063                              \n0000003\n");
    prints(0, "hexdump -C abc",
           "00000000  61 62 63                                          |abc|\n00000003\n");
    prints(0, "hexdump -C long",
           "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n*\n"
           "00000030  0a 80 7f                                          |...|\n00000033\n");
    prints(0, "hexdump -v -n 32 long",
           "0000000 3130 3332 3534 3736 3938 6261 6463 6665\n"
           "0000010 3130 3332 3534 3736 3938 6261 6463 6665\n0000020\n");
    prints(0, "hexdump -s 2 -n 2 abc abc",
           "0000002 6163                                   \n0000004\n");
    prints(0, "hexdump /dev/null", "");
    prints(1, "hexdump missing abc", "0000000 6261 0063                              \n0000003\n");
    end();
}

/* cp */

static void cp_copies_files(void)
{
    begin();
    runs("cp tree/file copy");
    prints(0, "cat copy", "one\ntwo\n");
    CHECK_EQ(mode_of("copy"), 0751);
    runs("cp tree/below/deep copy");
    prints(0, "cat copy", "deep\n");
    runs("cp tree/link linked");
    prints(0, "cat linked", "one\ntwo\n");
    CHECK_OK(mkdir("into", 0755));
    runs("cp copy tree/file into");
    prints(0, "cat into/copy into/file", "deep\none\ntwo\n");
    end();
}

static void cp_copies_directories(void)
{
    struct stat status;
    char target[16];

    begin();
    umask(077);
    runs("cp -r tree new");
    prints(0, "cat new/file new/link new/below/deep", "one\ntwo\none\ntwo\ndeep\n");
    CHECK_EQ(mode_of("new/file"), 0700);
    CHECK_EQ(mode_of("new/below"), 0700);
    CHECK_EQ(readlink("new/link", target, sizeof(target)), 4);
    runs("cp -r tree new"); /* into it, since it is there now */
    prints(0, "cat new/tree/below/deep", "deep\n");
    runs("cp -rp tree same");
    CHECK_EQ(mode_of("same/file"), 0751);
    CHECK_OK(stat("same/file", &status));
    CHECK_EQ(status.st_mtim.tv_sec, 2000);
    end();
}

static void cp_says_what_it_cannot_do(void)
{
    begin();
    fails("cp missing copy");
    fails("cp tree copy");
    fails("cp tree/file tree/file");
    fails("cp tree/link tree/file");
    fails("cp tree/file tree/below/deep nowhere");
    fails("cp -r tree tree/file");
    fails("cp -r tree tree/below/inside");
    if (on_pagoda()) /* Debian's begins, and then sees it */
        CHECK_ERR(ENOENT, access("tree/below/inside", F_OK));
    CHECK_ERR(ENOENT, access("copy", F_OK));
    prints(0, "cat tree/file tree/below/deep", "one\ntwo\ndeep\n");
    CHECK_OK(mkdir("into", 0755));
    fails("cp missing tree tree/file into"); /* what can be copied is */
    prints(0, "ls into", "file\n");
    runs("rm -rf tree/below/inside");
    end();
}

/* mv */

static void mv_gives_other_names(void)
{
    struct stat before, after;

    begin();
    CHECK_OK(stat("tree/file", &before));
    runs("mv tree/file named");
    CHECK_OK(stat("named", &after));
    CHECK_EQ(before.st_ino, after.st_ino);
    CHECK_ERR(ENOENT, access("tree/file", F_OK));
    runs("mv tree/below/deep named"); /* replaced */
    prints(0, "cat named", "deep\n");
    runs("mv tree/below tree/link .");
    prints(0, "ls", "below\nlink\nnamed\ntree\n");
    runs("mv below named tree");
    prints(0, "cat tree/named", "deep\n");
    prints(0, "ls tree", "below\nnamed\n");
    end();
}

static void mv_says_what_it_cannot_do(void)
{
    begin();
    file_make("other", "other\n");
    fails("mv missing somewhere");
    fails("mv tree tree/below/inside");
    fails("mv tree/file tree/file");
    fails("mv other tree/file nowhere");
    fails("mv tree/below other");
    runs("mv -n other tree/file; cat tree/file >/dev/null");
    prints(0, "cat tree/file other", "one\ntwo\nother\n");
    end();
}

/* A file of another file system can only be copied, and here it cannot be removed either. */
static void mv_copies_between_file_systems(void)
{
    char *text;

    begin();
    fails("mv /proc/uptime moved");
    CHECK_EQ(output_of("cat moved", &text), 0);
    CHECK(strchr(text, '.'));
    end();
}

/* What shows the machine */

static void uptime_shows_the_load(void)
{
    int hour, minute, second;
    double loads[3];
    char *text;

    CHECK_EQ(output_of("uptime", &text), 0);
    CHECK_EQ(sscanf(text, " %2d:%2d:%2d up ", &hour, &minute, &second), 3);
    const char *end = strstr(text, " load average: ");
    CHECK(end);
    CHECK_EQ(sscanf(end, " load average: %lf, %lf, %lf\n", &loads[0], &loads[1], &loads[2]), 3);
}

static int count_lines(const char *text)
{
    int count = 0;

    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static void vmstat_shows_columns(void)
{
    unsigned long number[14];
    char *text;

    CHECK_EQ(output_of("vmstat 0 3", &text), 0);
    CHECK_EQ(count_lines(text), 5);
    const char *last = strchr(strchr(text, '\n') + 1, '\n') + 1;
    CHECK_EQ(sscanf(last, "%lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu", &number[0],
                    &number[1], &number[2], &number[3], &number[4], &number[5], &number[6],
                    &number[7], &number[8], &number[9], &number[10], &number[11], &number[12],
                    &number[13]),
             14);
    CHECK(number[11] + number[12] + number[13] <= 100);
    prints(2, "vmstat -x", "");
    prints(2, "vmstat 1 x", "");
    prints(2, "vmstat 0", ""); /* it would never pause */
}

static void vmstat_counts_outcomes(void)
{
    char *text;

    CHECK_EQ(output_of("vmstat -s", &text), 0);
    CHECK(strstr(text, " K total memory\n"));
    CHECK(strstr(text, " faults: zero filled\n"));
    CHECK(strstr(text, " faults: no memory\n"));
    CHECK(strstr(text, " forks\n"));
}

/* The kernel makes events in a DEBUG build, and if its command line asks for them. */
static void vmstat_counts_events(void)
{
    char *text;

    if (output_of("vmstat -e", &text) != 0) {
        prints(0, "cat /proc/events", "");
        return;
    }
    CHECK_EQ(strncmp(text, "the last ", 9), 0);
    CHECK(strstr(text, "\npage faults, by outcome,"));
    CHECK(strstr(text, "  zero_filled "));
    CHECK(strstr(text, "\nframes allocated, by function\n"));
    CHECK(strstr(text, "  entry_set\n"));
}

/* Returns the line of a process in what top prints, from its pid on. */
static const char *top_line(const char *text, pid_t pid)
{
    char key[16];

    snprintf(key, sizeof(key), "\n%7d ", pid);
    const char *line = strstr(text, key);
    CHECK(line);
    return line + 1;
}

static void top_shows_processes(void)
{
    struct held_child child;
    unsigned long size, rss, tables;
    char state, *text, *pages = map_pages(512);

    hold_child(&child, wait_for_ever, NULL);
    memset(pages, 1, 512 * PAGE);
    CHECK_EQ(output_of("top -b -n 1 -o mem", &text), 0);
    CHECK(strncmp(text, "top - ", 6) == 0);
    CHECK_EQ(sscanf(top_line(text, getpid()), "%*d %*c %lu %lu %lu", &size, &rss, &tables), 3);
    CHECK(size >= rss && rss >= 2048 && tables > 0);
    CHECK(top_line(text, getpid()) < top_line(text, child.pid)); /* the larger one first */
    CHECK_EQ(sscanf(top_line(text, child.pid), "%*d %c", &state), 1);
    CHECK_EQ(state, 'S');
    CHECK_EQ(output_of("top -b -n 1 -o pid", &text), 0);
    CHECK(strstr(text, "\n%Cpu(s): "));
    CHECK_EQ(strstr(text, "\n%Cpu1  : ") != NULL, sysconf(_SC_NPROCESSORS_ONLN) > 1);
    CHECK(top_line(text, 1) < top_line(text, getpid()));
    CHECK_EQ(output_of("top -b -n 2 -d 0", &text), 0);
    CHECK(strstr(text + 1, "\n\ntop - "));
    prints(2, "top -o nothing", "");
    CHECK_OK(kill(child.pid, SIGKILL));
    CHECK(killed_by(release_child(&child), SIGKILL));
    unmap_pages(pages, 512);
}

/* Checks a line of a region in what maps prints, and that its numbers agree. */
static void check_region(const char *text, const char *start, const char *rest)
{
    unsigned long size, present, anonymous;
    const char *line = strstr(text, start);

    CHECK(line);
    CHECK_EQ(sscanf(line, "%*s %*s %lu %lu %lu", &size, &present, &anonymous), 3);
    CHECK(size >= present && present >= anonymous && present > 0);
    CHECK(strstr(line, rest));
}

static void maps_shows_what_is_present(void)
{
    char *text;

    CHECK_EQ(output_of("maps", &text), 0);
    CHECK(strncmp(text, "ADDRESSES ", 10) == 0);
    check_region(text, "00400000-", "  /bin/maps\n");
    check_region(text, "-7ffffffff000 rw-p ", "  [stack]\n");
    CHECK(strstr(text, "PRESENT  kB")); /* the legend */
    CHECK(strstr(text, "  zero_filled    write "));
    CHECK(!strstr(text, "  spurious ")); /* only what has happened */
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        CHECK(strcspn(line, "\n") <= 80);
    CHECK_EQ(output_of("maps 1", &text), 0);
    check_region(text, "00400000-", "  /bin/init\n");
    prints(1, "maps 99999", "");
    prints(2, "maps x", "");
    prints(2, "maps 1 1", "");
}

/* Of a long name, the end is shown. */
static void maps_fits_a_screen(void)
{
    static const char dir[] = "a-name-that-is-too-long-for-a-line-of-maps";
    char *text;

    temp_dir_enter();
    CHECK_OK(mkdir(dir, 0755));
    CHECK_EQ(output_of("cp /bin/maps a-*/; a-*/maps", &text), 0);
    CHECK(strstr(text, "  ...a-line-of-maps/maps\n"));
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        CHECK(strcspn(line, "\n") <= 80);
    runs("rm -r a-*");
    temp_dir_leave();
}

/* run-limited */

static void run_limited_limits(void)
{
    prints(0, "run-limited -s 40 -n 17 sh -c 'ulimit -s; ulimit -n'", "40\n17\n");
    prints(0, "run-limited -d unlimited -v 65536 sh -c 'ulimit -d; ulimit -v'",
           "unlimited\n65536\n");
    prints(0, "run-limited -t 5 sh -c 'ulimit -t'", "5\n");
    prints(0, "run-limited echo -s 40", "-s 40\n");
    prints(3, "run-limited -n 20 sh -c 'exit 3'", "");
    prints(125, "run-limited -s x true", "");
    prints(127, "run-limited -s 40 no-such-program", "");
    prints(126, "run-limited -s 40 /tmp", "");
    prints(2, "run-limited -s 40", "");
    prints(2, "run-limited -x true", "");
}

/* More */

static void mkfifo_makes_a_meeting_place(void)
{
    temp_dir_enter();
    runs("mkfifo one two");
    prints(0, "echo hello >one & cat one; wait", "hello\n");
    prints(0, "cat <one >two & echo through both >one & cat two; wait", "through both\n");
    prints(1, "mkfifo one", "");
    runs("rm one two");
    temp_dir_leave();
}

static void ln_gives_names(void)
{
    struct stat one, two;

    temp_dir_enter();
    runs("mkdir d && echo text >d/one && ln d/one two && ln -s d/one way && ln two way d");
    CHECK_OK(stat("d/one", &one));
    CHECK_OK(stat("d/two", &two));
    CHECK(one.st_ino == two.st_ino && one.st_nlink == 3);
    prints(0, "cat way", "text\n");
    prints(1, "ln d/one two", "");
    runs("ln -sf two way");
    prints(0, "cat way", "text\n");
    prints(1, "ln nothing x", "");
    runs("rm -r d two way");
    temp_dir_leave();
}

static void rmdir_removes_empty_directories(void)
{
    temp_dir_enter();
    runs("mkdir -p a/b c && rmdir a/b c");
    prints(1, "mkdir d; echo >a/x; rmdir a nothing a/x d", "");
    runs("rm -r a; mkdir d; rmdir d");
    temp_dir_leave();
}

static void touch_sets_times(void)
{
    struct stat status;
    const struct timespec old[2] = {{1000, 0}, {1000, 0}};

    temp_dir_enter();
    runs("touch new");
    CHECK_OK(stat("new", &status));
    CHECK_EQ(status.st_size, 0);
    CHECK_OK(utimensat(AT_FDCWD, "new", old, 0));
    runs("touch new");
    CHECK_OK(stat("new", &status));
    CHECK(status.st_mtim.tv_sec > 1000);
    prints(1, "touch no/such/path", "");
    runs("rm new");
    temp_dir_leave();
}

static void the_shell_runs_a_script_by_its_first_line(void)
{
    static const char text[] = "#!/bin/sh\necho $0 $2 $#\nexit 3\n";

    temp_dir_enter();
    CHECK_OK(close(create_file("script", text, sizeof(text) - 1)));
    CHECK_OK(chmod("script", 0755));
    prints(3, "./script a 'b c'", "./script b c 2\n");
    CHECK_OK(unlink("script"));
    temp_dir_leave();
}

/* ls has closed the directory when it looks at its files. */
static void ls_lists_its_own_files(void)
{
    runs("ls -l /proc/self/fd >/dev/null");
}

static void ps_lists_threads(void)
{
    char *text;

    CHECK_EQ(output_of("ps -T", &text), 0);
    CHECK(strncmp(text, "  PID  SPID  PPID STATE     RSS NAME\n    1     1     0 ", 55) == 0);
    CHECK(strstr(text, " ps\n"));
}

static void programs_refuse_arguments(void)
{
    prints(2, "ps x", "");
    prints(2, "ps -T x", "");
    prints(2, "free -x", "");
    prints(2, "halt -x", "");
    prints(2, "dmesg x", "");
    prints(2, "uptime x", "");
    prints(2, "nproc x", "");
    prints(2, "audit 2>&1 x", "usage: audit\n");
    prints(2, "ln -x a b", "");
    prints(2, "rmdir", "");
    prints(2, "touch", "");
}

int main(void)
{
    RUN(head_shows_the_beginning);
    RUN(hexdump_shows_bytes);
    RUN(cp_copies_files);
    RUN(cp_copies_directories);
    RUN(cp_says_what_it_cannot_do);
    RUN(mv_gives_other_names);
    RUN(mv_says_what_it_cannot_do);
    RUN(mv_copies_between_file_systems);
    RUN_ON_PAGODA(uptime_shows_the_load);
    RUN_ON_PAGODA(vmstat_shows_columns);
    RUN_ON_PAGODA(vmstat_counts_outcomes);
    RUN_ON_PAGODA(vmstat_counts_events);
    RUN_ON_PAGODA(top_shows_processes);
    RUN_ON_PAGODA(maps_shows_what_is_present);
    RUN_ON_PAGODA(maps_fits_a_screen);
    RUN_ON_PAGODA(run_limited_limits);
    RUN(mkfifo_makes_a_meeting_place);
    RUN(ln_gives_names);
    RUN(rmdir_removes_empty_directories);
    RUN(touch_sets_times);
    RUN(the_shell_runs_a_script_by_its_first_line);
    RUN(ls_lists_its_own_files);
    RUN_ON_PAGODA(ps_lists_threads);
    RUN_ON_PAGODA(programs_refuse_arguments);
    return test_end();
}
