/* Linux's struct stat and the S_ bits. Its header has a field called __unused, a word of ours. */
#pragma once

#include <lib/base.h>
#include <linux/stat.h>

#pragma push_macro("__unused")
#undef __unused
#include <asm/stat.h>
#pragma pop_macro("__unused")
