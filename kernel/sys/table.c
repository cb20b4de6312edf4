/* The table of system calls: from a number of Linux or Pagoda to the entry of a call. */

#include <asm/unistd.h>
#include <pagoda/syscall.h>
#include <sys/calls.h>
#include <sys/table.h>

#define DECLARE(name) extern syscall_fn sys_##name##_entry;
LINUX_CALLS(DECLARE)
PAGODA_CALLS(DECLARE)

#define LINUX_ENTRY(name) [__NR_##name] = sys_##name##_entry,
static syscall_fn *const linux_calls[] = {LINUX_CALLS(LINUX_ENTRY)};

#define PAGODA_ENTRY(name) [PAGODA_SYS_##name - PAGODA_SYS_FIRST] = sys_##name##_entry,
static syscall_fn *const pagoda_calls[] = {PAGODA_CALLS(PAGODA_ENTRY)};

syscall_fn *syscall_find(uint64_t number)
{
    if (number < ARRAY_SIZE(linux_calls))
        return linux_calls[number];
    if (number - PAGODA_SYS_FIRST < ARRAY_SIZE(pagoda_calls))
        return pagoda_calls[number - PAGODA_SYS_FIRST];
    return NULL;
}
