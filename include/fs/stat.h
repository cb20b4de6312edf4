/* Linux's struct stat and the S_ bits. Its header has a field called __unused, which lib/base.h
   defines as a macro. */
#pragma once

#include <lib/base.h>
#include <linux/stat.h>

#undef __unused
#include <asm/stat.h>
#define __unused __attribute__((unused)) /* as in lib/base.h; sparse lacks pragma push_macro */
