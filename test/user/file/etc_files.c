/* The files of /etc that the C library reads. */
#include "test.h"

#include <arpa/inet.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>

static void root_has_a_name(void)
{
    const struct passwd *user = getpwuid(0);

    CHECK(user && strcmp(user->pw_name, "root") == 0);
    CHECK_OK(chdir(user->pw_dir));
    CHECK_OK(access(user->pw_shell, X_OK));
    user = getpwnam("root");
    CHECK(user && user->pw_uid == 0 && user->pw_gid == 0);
    const struct group *group = getgrgid(0);
    CHECK(group && strcmp(group->gr_name, "root") == 0);
    group = getgrnam("root");
    CHECK(group && group->gr_gid == 0);
}

static void others_have_none(void)
{
    CHECK(!getpwuid(4000000));
    CHECK(!getpwnam("no such user"));
    CHECK(!getgrgid(4000000));
}

static void check_host(const char *name)
{
    const struct hostent *host = gethostbyname(name);
    char text[32];

    CHECK(host && host->h_addrtype == AF_INET);
    CHECK(inet_ntop(AF_INET, host->h_addr_list[0], text, sizeof(text)));
    CHECK(strcmp(text, "127.0.0.1") == 0);
}

static void localhost_has_an_address(void)
{
    check_host("localhost");
}

static void the_machine_has_a_name(void)
{
    char name[64], line[64] = "";
    int fd = CHECK_OK(open("/etc/hostname", O_RDONLY));

    CHECK_OK(gethostname(name, sizeof(name)));
    CHECK_OK(read(fd, line, sizeof(line) - 1));
    CHECK_OK(close(fd));
    line[strcspn(line, "\n")] = '\0';
    CHECK(strcmp(name, line) == 0);
    check_host(name);
}

int main(void)
{
    RUN(root_has_a_name);
    RUN(others_have_none);
    RUN(localhost_has_an_address);
    RUN_ON_PAGODA(the_machine_has_a_name);
    return test_end();
}
