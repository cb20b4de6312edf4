/* Files of memory without a name, and their seals. */
#include "test.h"

#include <stdio.h>

#define RW       (PROT_READ | PROT_WRITE)
#define SEALABLE MFD_ALLOW_SEALING

static int make_memfd(unsigned flags, off_t size)
{
    int fd = CHECK_OK(memfd_create("name", flags));

    CHECK_OK(ftruncate(fd, size));
    return fd;
}

static char *map_file(int fd, int prot)
{
    return CHECK_OK(mmap(NULL, PAGE, prot, MAP_SHARED, fd, 0));
}

static void seal(int fd, unsigned seals)
{
    CHECK_OK(fcntl(fd, F_ADD_SEALS, seals));
}

static void it_is_a_file(void)
{
    int fd = make_memfd(0, 0);
    struct stat status;
    char text[8] = "";

    CHECK_EQ(CHECK_OK(write(fd, "hello", 5)), 5);
    CHECK_EQ(CHECK_OK(pread(fd, text, 5, 0)), 5);
    CHECK(!strcmp(text, "hello"));
    CHECK_OK(fstat(fd, &status));
    CHECK(S_ISREG(status.st_mode));
    CHECK_EQ(status.st_size, 5);
    CHECK_EQ(CHECK_OK(fcntl(fd, F_GETFL)) & O_ACCMODE, O_RDWR);
    CHECK_EQ(CHECK_OK(fcntl(fd, F_GETFD)), 0);
    CHECK_OK(close(fd));
    fd = make_memfd(MFD_CLOEXEC, 0);
    CHECK_EQ(CHECK_OK(fcntl(fd, F_GETFD)), FD_CLOEXEC);
    CHECK_OK(close(fd));
}

static void it_is_shared_by_its_mappings(void)
{
    int fd = make_memfd(0, PAGE);
    char *one = map_file(fd, RW), *two = map_file(fd, PROT_READ);

    CHECK_OK(close(fd));
    CHECK(exits_with(0, write_byte, one));
    CHECK_EQ(peek(two), peek(one));
    unmap_pages(one, 1);
    unmap_pages(two, 1);
}

static void its_name_is_for_people(void)
{
    char link[64], path[64];
    int fd = make_memfd(0, PAGE);
    char *page = map_file(fd, RW);
    struct region region;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    path[CHECK_OK(readlink(link, path, sizeof(path) - 1))] = '\0';
    CHECK(!strcmp(path, "/memfd:name (deleted)"));
    CHECK(region_find(page, &region));
    CHECK(!strcmp(region.prot, "rw-s"));
    CHECK(!strncmp(region.name, "/memfd:name", 11));
    unmap_pages(page, 1);
    CHECK_OK(close(fd));
}

static void names_and_flags_are_checked(void)
{
    char name[251];

    memset(name, 'x', sizeof(name));
    name[250] = '\0';
    CHECK_ERR(EINVAL, memfd_create(name, 0));
    name[249] = '\0';
    CHECK_OK(close(CHECK_OK(memfd_create(name, 0))));
    CHECK_ERR(EINVAL, memfd_create("name", 1u << 20));
    CHECK_ERR(EFAULT, memfd_create(map_hole(1), 0));
}

/* ---- Seals ---- */

static void without_leave_there_are_no_seals(void)
{
    int fd = make_memfd(0, PAGE);

    CHECK_EQ(CHECK_OK(fcntl(fd, F_GET_SEALS)), F_SEAL_SEAL);
    CHECK_ERR(EPERM, fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    CHECK_OK(close(fd));
    fd = make_memfd(SEALABLE, PAGE);
    CHECK_EQ(CHECK_OK(fcntl(fd, F_GET_SEALS)), 0);
    CHECK_ERR(EINVAL, fcntl(fd, F_ADD_SEALS, 1 << 20));
    seal(fd, F_SEAL_GROW);
    seal(fd, F_SEAL_SEAL);
    CHECK_EQ(CHECK_OK(fcntl(fd, F_GET_SEALS)), F_SEAL_GROW | F_SEAL_SEAL);
    CHECK_ERR(EPERM, fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    CHECK_OK(close(fd));
}

static void other_files_have_no_seals(void)
{
    int fds[2];

    make_pipe(fds);
    CHECK_ERR(EINVAL, fcntl(fds[0], F_GET_SEALS));
    CHECK_ERR(EINVAL, fcntl(fds[1], F_ADD_SEALS, F_SEAL_GROW));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static void the_size_is_sealed(void)
{
    int fd = make_memfd(SEALABLE, PAGE);
    char bytes[16] = "";

    seal(fd, F_SEAL_SHRINK);
    CHECK_ERR(EPERM, ftruncate(fd, PAGE - 1));
    CHECK_OK(ftruncate(fd, 2 * PAGE));
    seal(fd, F_SEAL_GROW);
    CHECK_ERR(EPERM, ftruncate(fd, 2 * PAGE + 1));
    CHECK_OK(ftruncate(fd, 2 * PAGE));
    CHECK_EQ(CHECK_OK(pwrite(fd, bytes, sizeof(bytes), 2 * PAGE - sizeof(bytes))), sizeof(bytes));
    CHECK_ERR(EPERM, pwrite(fd, bytes, sizeof(bytes), 2 * PAGE));
    CHECK_EQ(CHECK_OK(pwrite(fd, bytes, sizeof(bytes), PAGE - 8)), sizeof(bytes));
    CHECK_OK(close(fd));
}

static void a_write_stops_before_the_page_that_would_lengthen_the_file(void)
{
    static char bytes[2 * PAGE];
    int fd = make_memfd(SEALABLE, PAGE + 100);

    seal(fd, F_SEAL_GROW);
    CHECK_EQ(CHECK_OK(pwrite(fd, bytes, sizeof(bytes), 10)), PAGE - 10);
    CHECK_OK(close(fd));
}

static void writes_are_sealed(void)
{
    int fd = make_memfd(SEALABLE, PAGE);
    char *page = map_file(fd, RW);

    CHECK_ERR(EBUSY, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    CHECK_OK(mprotect(page, PAGE, PROT_READ)); /* it could be changed back */
    CHECK_ERR(EBUSY, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    unmap_pages(page, 1);
    seal(fd, F_SEAL_WRITE);
    CHECK_ERR(EPERM, write(fd, "x", 1));
    CHECK_ERR(EPERM, mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    page = map_file(fd, PROT_READ);
    CHECK_ERR(EACCES, mprotect(page, PAGE, RW));
    CHECK_EQ(peek(page), 0);
    unmap_pages(page, 1);
    page = CHECK_OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
    poke(page, 'x');
    unmap_pages(page, 1);
    CHECK_OK(close(fd));
}

static void future_writes_are_sealed(void)
{
    int fd = make_memfd(SEALABLE, PAGE);
    char *page = map_file(fd, RW);

    seal(fd, F_SEAL_FUTURE_WRITE);
    poke(page, 'x'); /* the mapping that was there goes on */
    CHECK_ERR(EPERM, write(fd, "x", 1));
    CHECK_ERR(EPERM, mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    unmap_pages(page, 1);
    CHECK_OK(close(fd));
}

static void a_descriptor_for_reading_adds_no_seals(void)
{
    char path[64];
    int fd = make_memfd(SEALABLE, PAGE);

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int reads = CHECK_OK(open(path, O_RDONLY));
    CHECK_ERR(EPERM, fcntl(reads, F_ADD_SEALS, F_SEAL_GROW));
    CHECK_EQ(CHECK_OK(fcntl(reads, F_GET_SEALS)), 0);
    CHECK_OK(close(reads));
    CHECK_OK(close(fd));
}

/* ---- POSIX shared memory ---- */

static void shared_memory_objects_have_names(void)
{
    shm_unlink("/memfd-test");
    int fd = CHECK_OK(shm_open("/memfd-test", O_RDWR | O_CREAT | O_EXCL, 0600));

    CHECK_OK(ftruncate(fd, PAGE));
    char *page = map_file(fd, RW);
    CHECK_OK(close(fd));
    fd = CHECK_OK(shm_open("/memfd-test", O_RDWR, 0));
    CHECK_OK(shm_unlink("/memfd-test"));
    char *other = map_file(fd, RW);
    CHECK_OK(close(fd));
    poke(page, 'x');
    CHECK_EQ(peek(other), 'x');
    CHECK_ERR(ENOENT, shm_open("/memfd-test", O_RDWR, 0));
    unmap_pages(page, 1);
    unmap_pages(other, 1);
}

int main(void)
{
    RUN(it_is_a_file);
    RUN(it_is_shared_by_its_mappings);
    RUN(its_name_is_for_people);
    RUN(names_and_flags_are_checked);
    RUN(without_leave_there_are_no_seals);
    RUN(other_files_have_no_seals);
    RUN(the_size_is_sealed);
    RUN(a_write_stops_before_the_page_that_would_lengthen_the_file);
    RUN(writes_are_sealed);
    RUN(future_writes_are_sealed);
    RUN(a_descriptor_for_reading_adds_no_seals);
    RUN(shared_memory_objects_have_names);
    return test_end();
}
