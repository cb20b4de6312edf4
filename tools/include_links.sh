#!/bin/sh
# Makes the directory $1 of links to the few headers of the system that the kernel uses: the lists
# and trees of libbsd, the system-call interface of linux-libc-dev for x86-64, and elf.h. What these include in
# turn is a tiny shim. Nothing else of /usr/include can be seen by the kernel.
set -eu
dir=$1

# The first of the files or directories that exists.
first()
{
    for path in "$@"; do
        if [ -e "$path" ]; then
            echo "$path"
            return
        fi
    done
    echo "$0: none of these is there: $*" >&2
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
ln -s "$(first /usr/include/x86_64-linux-gnu/bits/auxv.h /usr/include/bits/auxv.h)" "$dir/bits/auxv.h"

cat >"$dir/bsd/sys/cdefs.h" <<'EOF'
/* Made by tools/include_links.sh: what sys/queue.h and sys/tree.h want of their C library. */
#pragma once
#include <lib/base.h>
#define __containerof(ptr, type, member) container_of(ptr, type, member)
EOF
echo '#include <bsd/sys/cdefs.h>' >"$dir/sys/cdefs.h"
touch "$dir/.done"
