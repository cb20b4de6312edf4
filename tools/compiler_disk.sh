#!/bin/sh
# Makes a directory for a disk: tcc with musl's headers and library, and the sources of lua.
#     compiler_disk.sh DIRECTORY
# The sources are those of Debian. The paths in tcc are those of a disk at /disk.
set -eu
mkdir -p "$1"
out=$(cd "$1" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# Debian's packages, from where this machine has its own, with a list of sources.
mkdir -p lists/partial cache/archives/partial sources
sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >sources/debian.sources
apt="-qq -o Dir::Etc::sourcelist=- -o Dir::Etc::sourceparts=$dir/sources
     -o Dir::State::lists=$dir/lists -o Dir::Cache=$dir/cache -o APT::Sandbox::User=root"
# shellcheck disable=SC2086 # they are words
apt-get $apt update
# shellcheck disable=SC2086
apt-get $apt source --download-only tcc lua5.4
mkdir tcc lua
tar -xf tcc_*.orig.tar.* -C tcc
tar -xf lua5.4_*.orig.tar.* -C lua --strip-components=1

cd tcc
./configure --prefix=/disk/tcc --tccdir=/disk/tcc --crtprefix=/disk/tcc/lib \
    --libpaths=/disk/tcc/lib --sysincludepaths=/disk/tcc/include:/disk/tcc/musl \
    --cc=x86_64-linux-musl-gcc --extra-cflags=-Os --extra-ldflags=-static \
    --config-musl --enable-static >/dev/null
make -s tcc >/dev/null
for part in libtcc1 va_list alloca86_64; do
    x86_64-linux-musl-gcc -Os -c -o "$part.o" lib/"$part".[cS]
done
ar rcsD libtcc1.a libtcc1.o va_list.o alloca86_64.o
mkdir -p "$out/tcc/lib" "$out/lua"
cp tcc libtcc1.a "$out/tcc/"
cp -r include "$out/tcc/"
cp -r /usr/include/x86_64-linux-musl "$out/tcc/musl"
for file in libc.a libm.a crt1.o crti.o crtn.o; do
    cp "/usr/lib/x86_64-linux-musl/$file" "$out/tcc/lib/"
done
cp "$dir"/lua/src/*.[ch] "$out/lua/"
rm "$out/lua/luac.c"
cat >"$out/lua/compile" <<'END'
cd /disk/lua && /disk/tcc/tcc -static -DLUA_USE_POSIX -o lua *.c -lm && ./lua -e 'print(_VERSION)'
END
