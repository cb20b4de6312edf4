#!/usr/bin/env python3
"""The rules of style that a program can check: each prints `ok` or `not ok`, and the places.

    includes   a floor of the kernel includes only floors below it (docs/design.md, section 2)
    format     clang-format has nothing to change
    text       no line ends in a space, every file ends in a newline
    links      the files that the documents link to exist, and the make targets that they name
    sparse     user pointers are only handed on, never followed
    tidy       clang-tidy's hints at mistakes (.clang-tidy)
    cppcheck   the same, by another mind
    shell      shellcheck's

The checks that compile want compile_commands.json (make compdb)."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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


def code_in(markdown):
    """The commands in a document: what stands between backquotes, or is indented as a block; nothing in quotes."""
    code = re.findall(r"```.*?```|`[^`]+`|^ {4}.*$", markdown, re.S | re.M)
    return re.sub(r"'[^']*'", "", "\n".join(code))


def check_links():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][\w-]*):", makefile, re.M))
    for path in tracked("*.md"):
        text, name = path.read_text(), path.relative_to(ROOT)
        for link in re.findall(r"\]\(([^)#\s]+)", text):
            if ":" not in link and not (path.parent / link).exists():
                yield f"{name}: there is no {link}"
        for words in re.findall(r"\bmake((?: [\w=./-]+)+)", code_in(text)):
            words = words.split()
            if "-C" not in words:
                yield from (f"{name}: there is no make {w}" for w in words if re.match(r"[a-z]", w) and w not in targets)


def outputs(commands):
    """What each command says, on both channels; as many run at once as there are CPUs."""

    def run(command):
        return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(run, commands))


def complaints(commands, pattern=r":\d+:.*(error|warning|note|style)"):
    """The lines in which they name a place, each once."""
    lines = "".join(outputs(commands)).replace(f"{ROOT}/", "").splitlines()
    return list(dict.fromkeys(line for line in lines if re.search(pattern, line)))


def compiled(folder):
    """(file, its compiler flags) of the C files in a folder."""
    for entry in json.loads((ROOT / "compile_commands.json").read_text()):
        if entry["file"].startswith(folder):
            words = entry["command"].split()[1:-2]  # without the compiler, and -c FILE
            yield entry["file"], [word for word in words if word not in ("-MMD", "-MP")]


def check_sparse():
    # Its __atomic_load_n takes no enum. msr_write splits constants into halves on purpose.
    options = ["-D__atomic_load_n(p, order)=(*(p))", "-Wno-cast-truncate"]
    return complaints(["sparse", *options, *flags, file] for file, flags in compiled("kernel/"))


def check_tidy():
    return complaints((["clang-tidy", "-p", ".", "--quiet", file] for file, _ in compiled("")), r": (error|warning):")


def check_cppcheck():
    # It takes %gs:0, where a CPU's own data is, for a null pointer, and the linker script's symbols for objects; it
    # does not understand every GNU extension. Not the tests: it does not know that CHECK does not return.
    ignored = ["nullPointer", "comparePointers", "internalAstError", "signConversion", "missingInclude", "*:build/*"]
    return complaints([[
        "cppcheck", "-q", f"-j{os.cpu_count()}", "--enable=warning,performance,portability", "--std=c11",
        "-Iinclude", "-Ibuild/include-links", "-Iuser/lib", "-D__x86_64__",
        *(f"--suppress={name}" for name in ignored), "--template={file}:{line}: {severity}: {message} [{id}]",
        "kernel", "user",
    ]])  # fmt: skip


def check_shell():
    return complaints([["shellcheck", "--format=gcc", *map(str, tracked("*.sh", ".ci/run"))]])


def main():
    failed = 0
    checks = {
        "includes": check_includes, "format": check_format, "text": check_text, "links": check_links,
        "sparse": check_sparse, "tidy": check_tidy, "cppcheck": check_cppcheck, "shell": check_shell,
    }  # fmt: skip
    for name, check in checks.items():
        places = list(check())
        failed += bool(places)
        print(f"{'not ok' if places else 'ok'} - lint: {name}")
        print("".join(f"# {place}\n" for place in places[:40]), end="")
    print(f"{len(checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
