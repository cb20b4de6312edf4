#!/usr/bin/env python3
"""Shows where the instructions of a benchmark go:  profile.py NAME [COUNT]   (see user/vmbench.c)

Runs the benchmark in a QEMU whose plugin (profile.c) counts each executed instruction. Prints, for
each figure of vmbench, the instructions per operation by function, and below by inlined function.
`program` stands for the code in user mode. The sum is the figure, exact to one instruction.

The machine and its flags are those of `make bench`, so the figures are the same."""

import subprocess
import sys
import tempfile
from bisect import bisect_right
from collections import Counter
from pathlib import Path

import bench
import machine
import places

PLUGIN = machine.BUILD / "profile.so"
USER_END = 1 << 47
# Functions below this share of a figure are left out.
LEAST_SHARE = 0.005
# How many operations a window of vmbench can have, beside COUNT.
OPERATIONS = (1, 255, 1000, 1024)
NO_PLUGINS = "this QEMU was built without plugins (--enable-plugins); Debian's 7.2 has them"


def has_plugins():
    done = subprocess.run([machine.setting("QEMU", "qemu-system-x86_64"), "-help"],
                          stdout=subprocess.PIPE, text=True)  # fmt: skip
    return "-plugin " in done.stdout


def read_windows(counts):
    """Returns [(sum, {address: count}), ...] from the file of the plugin."""
    windows = []
    for line in counts.read_text().splitlines():
        first, second = line.split()
        if first == "window":
            windows.append((int(second), {}))
        else:
            windows[-1][1][int(first, 16)] = int(second)
    return windows


def window_of(windows, figure, operations):
    """Returns (window, operations in it): the one whose cost an operation is next to `figure`.

    Windows have no names. A figure is the cost of one window, or the least cost of several. Only an
    exec, of which some instructions are begun more than once, has a slightly different cost."""
    found = [(abs(total // count - figure), counts, count)
             for count in operations for total, counts in windows]  # fmt: skip
    distance, counts, count = min(found, key=lambda one: one[0], default=(figure, None, 1))
    return (counts, count) if distance <= figure // 1000 else None


def kernel_symbols():
    """Returns the kernel's functions as two lists, of addresses and of names."""
    nm = machine.setting("NM", "nm")
    done = subprocess.run([nm, "-n", machine.KERNEL], stdout=subprocess.PIPE, text=True, check=True)
    found = [line.split() for line in done.stdout.splitlines()]
    functions = [(int(at, 16), name) for at, kind, name in found if kind in "tT"]
    return [at for at, _ in functions], [name for _, name in functions]


def by_function(counts):
    """Returns Counter {function: instructions}."""
    starts, names = kernel_symbols()
    found = Counter()
    for address, count in counts.items():
        known = address >= USER_END
        found[names[bisect_right(starts, address) - 1] if known else "program"] += count
    return found


def by_inlined(counts):
    """Returns Counter {"inlined function in function": instructions}, of the kernel."""
    addresses = [address for address in counts if address >= USER_END]
    found = Counter()
    for address, chain in zip(addresses, places.places_of(*addresses)):
        if len(chain) > 1:
            found[f"{chain[0][0]} in {chain[-1][0]}"] += counts[address]
    return found


def show(found, figure, operations):
    """Prints the larger counts, for each operation. Returns the sum of the others."""
    rest = 0
    for name, count in found.most_common():
        if count >= LEAST_SHARE * figure * operations:
            share = 100 * count / (figure * operations)
            print(f"{count / operations:12.1f} {share:5.1f}%  {name}")
        else:
            rest += count
    return rest


def total(found):
    """Returns the instructions per operation, summed up over all functions."""
    counts, operations = found
    return sum(by_function(counts).values()) // operations


def measure(words):
    """Runs vmbench with these arguments. Returns [(what, figure, its window or None), ...]."""
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        counts = Path(directory) / "counts"
        starts, names = kernel_symbols()
        stubs = starts[names.index("trap_stubs")]
        figures = bench.on_pagoda(words, f"-plugin {PLUGIN},out={counts},stubs={stubs:#x}")
        windows = read_windows(counts)
    operations = sorted({*OPERATIONS, *(int(word) for word in words[1:])})
    return [(what, figure, window_of(windows, figure, operations))
            for what, figure in figures.items()]  # fmt: skip


def profile(what, figure, found):
    """Prints the profile of one figure."""
    print(f"\n{what}: {figure} instructions")
    if not found:
        print("  no window of vmbench has this cost")
        return
    counts, operations = found
    rest = show(by_function(counts), figure, operations)
    print(f"{rest / operations:12.1f}         in functions below {LEAST_SHARE:.1%}")
    print("  of these, inlined:")
    show(by_inlined(counts), figure, operations)


def main():
    words = " ".join(sys.argv[1:]).split()
    if not words:
        sys.exit("usage: make profile B=NAME, or B='NAME COUNT'; an unknown name lists all")
    if not has_plugins():
        sys.exit(f"profile: {NO_PLUGINS}")
    for what, figure, found in measure(words):
        profile(what, figure, found)


if __name__ == "__main__":
    main()
