/* The names of the kernel, for uname(2) and /proc. */
#pragma once

#define KERNEL_NAME    "Pagoda"
#define KERNEL_RELEASE "0.1"
#define KERNEL_VERSION "a kernel that fits in the head"

/* The names of the machine, which no call changes. */
#define HOST_NAME   "pagoda"
#define DOMAIN_NAME "(none)"
