#!/bin/sh
# Makes sure that the tools for a make target are there:  setup.sh TOOL PACKAGE [TOOL PACKAGE]...
#
# A TOOL is a command, or a file if it begins with "/". On Debian and its family the packages of
# missing tools are installed, as root or by sudo if that asks for no password; elsewhere the
# command to do so is printed.
set -eu

has()
{
    case $1 in
    /*) [ -e "$1" ] ;;
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
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')

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
if [ "$sudo" = none ]; then
    echo "Missing:$tools" >&2
    echo "Run this, and then make again:" >&2
    echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing" >&2
    exit 1
fi

echo "Missing:$tools. Installing: $missing" >&2
export DEBIAN_FRONTEND=noninteractive
# Two targets of a parallel make may both come here: one waits for the other.
apt="$sudo apt-get -o DPkg::Lock::Timeout=600"
# shellcheck disable=SC2086
if ! $apt install -y --no-install-recommends -qq $missing >&2; then
    $apt update -qq >&2
    $apt install -y --no-install-recommends -qq $missing >&2
fi
