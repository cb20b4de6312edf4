/* linux/stat.h defines nothing where glibc is used, whose sys/stat.h the kernel does not include. */
#pragma once

#pragma push_macro("__GLIBC__")
#undef __GLIBC__
#include_next <linux/stat.h>
#pragma pop_macro("__GLIBC__")
