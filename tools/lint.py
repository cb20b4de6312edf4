#!/usr/bin/env python3
"""The rules of style that a program can check: each prints `ok` or `not ok`, and the places.

    includes   a floor of the kernel includes only floors below it (docs/design.md, section 2)
    format     clang-format has nothing to change
    text       no line ends in a space, every file ends in a newline"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ["lib", "arch", "mm", "sched", "dev", "vm", "fs", "proc", "sys"]
# lib/panic.h is what an assertion anywhere needs; what it declares is defined in arch/.
OUTSIDE = {"linux", "asm", "asm-generic", "pagoda"}


def tracked(*patterns):
    """The files of the project, also new ones that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def floor_of(path):
    """The floor that a file stands on; main.c stands above all."""
    parts = path.relative_to(ROOT).parts
    return FLOORS.index(parts[1]) if parts[1] in FLOORS else len(FLOORS)


def wrong_include(path, name):
    """Whether a file may not include <name>."""
    folder = name.split("/")[0]
    if folder in OUTSIDE or "/" not in name or name in ("sys/queue.h", "sys/tree.h"):
        return False
    return folder not in FLOORS or FLOORS.index(folder) > floor_of(path)


def check_includes():
    for path in tracked("kernel/*.c", "kernel/*.h", "kernel/*.S", "include/*.h"):
        if path.parts[-2] == "pagoda":
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r"\s*#\s*include\s*<([^>]+)>", line)
            if found and wrong_include(path, found[1]):
                yield f"{path.relative_to(ROOT)}:{number}: <{found[1]}> is on a higher floor"


def check_format():
    files = [str(path) for path in tracked("*.c", "*.h")]
    done = subprocess.run(["clang-format", "--dry-run", "--Werror", *files], capture_output=True, text=True)
    for line in done.stderr.splitlines():
        if "error:" in line:
            yield line.replace(f"{ROOT}/", "").replace("code should be clang-formatted [-Wclang-format-violations]",
                                                        "clang-format -i mends it")


def check_text():
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if line != line.rstrip() and path.suffix != ".patch":
                yield f"{path.relative_to(ROOT)}:{number}: a space at the end"
        if text and not text.endswith("\n"):
            yield f"{path.relative_to(ROOT)}: no newline at the end"


def main():
    failed = 0
    checks = {"includes": check_includes, "format": check_format, "text": check_text}
    for name, check in checks.items():
        places = list(check())
        failed += bool(places)
        print(f"{'not ok' if places else 'ok'} - lint: {name}")
        print("".join(f"# {place}\n" for place in places[:40]), end="")
    print(f"{len(checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
