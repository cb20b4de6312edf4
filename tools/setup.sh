#!/bin/sh
# Installs the tools that a make target needs:  setup.sh TOOL PACKAGE [TOOL PACKAGE]...
#
# A TOOL is a command, or a file if it begins with "/"; its last parts may be a pattern. On Debian
# and its derivatives, the packages of missing tools are installed, by root, or by sudo if it asks
# for no password. Elsewhere, the command to install them is printed.
set -eu

has()
{
    # shellcheck disable=SC2086 # a pattern is meant to be expanded
    case $1 in
    /*) ls -dL $1 >/dev/null 2>&1 ;;
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
    echo "Install what your system has for these Debian packages, then make again: $missing" >&2
    exit 1
fi
# On a machine that is not amd64, dpkg must be told once that packages for amd64 are wanted.
foreign=
case $missing in
*:amd64*)
    known=$(dpkg --print-architecture; dpkg --print-foreign-architectures)
    echo "$known" | grep -qx amd64 || foreign=yes
    ;;
esac

if [ "$sudo" = none ]; then
    echo "Missing:$tools" >&2
    echo "Run these commands, then make again:" >&2
    [ -z "$foreign" ] || echo "    sudo dpkg --add-architecture amd64" >&2
    echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing" >&2
    exit 1
fi

echo "Missing:$tools. Installing: $missing" >&2
export DEBIAN_FRONTEND=noninteractive
# Two targets of a parallel make may both install packages; the lock makes the second one wait.
apt="$sudo apt-get -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 -qq"
install="$apt install -y --no-install-recommends"
[ -z "$foreign" ] || $sudo dpkg --add-architecture amd64 >&2
# The first try fails if the list of packages is old, or was never downloaded.
# shellcheck disable=SC2086
if ! $install $missing >&2; then
    $apt update >&2
    $install $missing >&2
fi
