#!/usr/bin/env python3
"""Checks that `make profile` counts every instruction: its sums are the figures of vmbench.

Prints TAP lines. The benchmarks are a loop, and single runs in which processes switch."""

import sys

import profile


def check(words):
    """Returns true if each figure of the benchmark has a profile whose sum it is."""
    figures = profile.measure(words)
    for what, figure, found in figures:
        print(f"# {what}: {figure}, {'profiled' if found else 'no window has this cost'}")
    return bool(figures) and all(
        found and profile.total(found) == figure for _, figure, found in figures
    )


def main():
    if not profile.has_plugins():
        print(f"ok - the sums of profiles # SKIP {profile.NO_PLUGINS}")
        return
    failed = False
    for words in (["syscall"], ["fork", "1"], ["pipe", "20"]):
        ok = check(words)
        failed |= not ok
        what = f"the profile of {' '.join(words)} has every instruction"
        print(f"{'ok' if ok else 'not ok'} - {what}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
