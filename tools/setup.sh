#!/bin/sh
# Makes sure that the tools for a make target are there:  setup.sh TOOL PACKAGE [TOOL PACKAGE]...
#
# A TOOL is a command, or a file if it begins with "/"; its last parts may be a pattern. On Debian and its family the packages of
# missing tools are installed, as root or by sudo if that asks for no password; elsewhere the
# command to do so is printed.
set -eu

has()
{
    # shellcheck disable=SC2086 # a pattern is meant to be expanded
    case $1 in
    /*) ls -d $1 >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing=
tools=
while [ $# -ge 2 ]; do
    if ! has "$1"; then
        tools="$tools $1"
        missing="$missing $2"
    fi
    shift 2
done
[ -n "$missing" ] || exit 0
missing=$(echo "${missing# }" | tr ' ' '\n' | sort -u | tr '\n' ' ')

if [ "$(id -u)" = 0 ]; then
    sudo=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    sudo="sudo -n"
else
    sudo=none
fi

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing:$tools" >&2
    echo "Install what your system calls these Debian packages, and run make again: $missing" >&2
    exit 1
fi
# Packages for amd64, on another machine: dpkg must be told once that there are such.
foreign=
case $missing in
*:amd64*)
    { dpkg --print-architecture; dpkg --print-foreign-architectures; } | grep -qx amd64 || foreign=yes
    ;;
esac

if [ "$sudo" = none ]; then
    echo "Missing:$tools" >&2
    echo "Run this, and then make again:" >&2
    [ -z "$foreign" ] || echo "    sudo dpkg --add-architecture amd64" >&2
    echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing" >&2
    exit 1
fi

echo "Missing:$tools. Installing: $missing" >&2
export DEBIAN_FRONTEND=noninteractive
# Two targets of a parallel make may both come here: one waits for the other.
apt="$sudo apt-get -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 -qq"
install="$apt install -y --no-install-recommends"
[ -z "$foreign" ] || $sudo dpkg --add-architecture amd64 >&2
# The first try fails where the list of packages is old, or was never fetched.
# shellcheck disable=SC2086
if ! $install $missing >&2; then
    $apt update >&2
    $install $missing >&2
fi
