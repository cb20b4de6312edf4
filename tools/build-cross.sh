#!/usr/bin/env bash
# Builds x86_64-elf-gcc and its binutils from Debian's source packages:  tools/build-cross.sh PREFIX
#
# Afterwards, with PREFIX/bin on PATH, the Makefile takes this compiler. The build takes half an
# hour or more; JOBS=n sets the number of parallel jobs. After an interruption, the same command
# continues the build. PREFIX.build holds the sources, the objects, and the logs.
set -euo pipefail

[ $# = 1 ] || { sed -n '2s/^# //p' "$0"; exit 2; }
mkdir -p "$1" "$1.build"
prefix=$(cd "$1" && pwd)
work=$prefix.build
jobs=${JOBS:-$(nproc)}
target=x86_64-elf
export PATH=$prefix/bin:$PATH

sh "$(dirname "$0")/setup.sh" gcc gcc g++ g++ make make xz xz-utils m4 m4 bison bison flex flex \
    "/usr/include/*/gmp.h" libgmp-dev /usr/include/mpfr.h libmpfr-dev /usr/include/mpc.h libmpc-dev

# step NAME COMMAND...: runs the command in PREFIX.build, unless it succeeded before. Its output
# goes to NAME.log, and its progress to the terminal. A repeated make continues by itself.
step()
{
    local name=$1
    shift
    [ ! -e "$work/$name.done" ] || return 0
    echo "$(date +%T) $name"
    if ! (cd "$work" && "$@" 2>&1) | tee "$work/$name.log" |
        awk '/ -c / && ++n % 100 == 0 { print "    " n " files compiled"; fflush() }'; then
        tail -n 20 "$work/$name.log" >&2
        echo "$name failed; all of its output is in $work/$name.log" >&2
        exit 1
    fi
    touch "$work/$name.done"
}

# unpack PACKAGE DIR: puts the upstream sources inside of a source package into DIR.
unpack()
{
    apt-get download "$1"
    dpkg-deb -x "$1"_*.deb package
    rm -rf "$2" && mkdir "$2"
    tar -xf package/usr/src/*/"$2"-*.tar.* -C "$2" --strip-components=1
    rm -rf package "$1"_*.deb
}

# configure DIR OPTION...: makes an empty DIR-build and configures it.
configure()
{
    local dir=$1
    shift
    rm -rf "$dir-build" && mkdir "$dir-build" && cd "$dir-build"
    "../$dir/configure" --target=$target --prefix="$prefix" --disable-nls --disable-werror "$@" \
        MAKEINFO=true
}

step binutils-unpack unpack binutils-source binutils
step binutils-configure configure binutils --with-sysroot --disable-gdb --disable-gprofng
step binutils-make make -C binutils-build -j"$jobs" MAKEINFO=true
step binutils-install make -C binutils-build install MAKEINFO=true

step gcc-unpack unpack gcc-12-source gcc
step gcc-configure configure gcc --enable-languages=c --without-headers --disable-bootstrap \
    --disable-multilib --disable-libssp --disable-shared --disable-threads --disable-lto
step gcc-make make -C gcc-build -j"$jobs" MAKEINFO=true all-gcc all-target-libgcc
# Debian's package lacks the sources of gcc's manual; this file marks the manual as up to date.
step gcc-no-manual touch gcc-build/gcc/s-tm-texi
step gcc-install make -C gcc-build MAKEINFO=true install-gcc install-target-libgcc

echo "$(date +%T) done: export PATH=$prefix/bin:\$PATH"
