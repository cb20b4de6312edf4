#!/bin/sh
# Fills the directory $1 with links to the few system headers that the kernel uses: the lists and
# trees of libbsd, the system-call interface of linux-libc-dev for x86-64, and elf.h. The headers
# that these include in turn are a small shim. The rest of /usr/include stays hidden from the
# kernel.
set -eu
dir=$1

# Prints the first of the files or directories that exists.
first()
{
    for path in "$@"; do
        if [ -e "$path" ]; then
            echo "$path"
            return
        fi
    done
    echo "$0: none of these exists: $*" >&2
    exit 1
}

rm -rf "$dir"
mkdir -p "$dir/sys" "$dir/bsd/sys" "$dir/bits"
ln -s "$(first /usr/include/bsd/sys/queue.h)" "$dir/sys/queue.h"
ln -s "$(first /usr/include/bsd/sys/tree.h)" "$dir/sys/tree.h"
ln -s "$(first /usr/include/linux)" "$dir/linux"
ln -s "$(first /usr/include/x86_64-linux-gnu/asm /usr/include/asm)" "$dir/asm"
ln -s "$(first /usr/include/asm-generic)" "$dir/asm-generic"
ln -s "$(first /usr/include/elf.h)" "$dir/elf.h"
auxv=$(first /usr/include/x86_64-linux-gnu/bits/auxv.h /usr/include/bits/auxv.h)
ln -s "$auxv" "$dir/bits/auxv.h"

cat >"$dir/bsd/sys/cdefs.h" <<'EOF'
/* Made by tools/include_links.sh: the part of libbsd that sys/queue.h and sys/tree.h need. */
#pragma once
#include <lib/base.h>
#include <lib/panic.h> /* the checks of lists call it */
#define __containerof(ptr, type, member) container_of(ptr, type, member)
EOF
echo '#include <bsd/sys/cdefs.h>' >"$dir/sys/cdefs.h"
touch "$dir/.done"
