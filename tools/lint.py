#!/usr/bin/env python3
"""The rules of style that a program can check:  lint.py [CHECK]...

Prints `ok` or `not ok` for each check, and the places that break it. Without arguments all run:

    includes   a file of the kernel includes headers of its own floor and of lower ones only
    floors     an object of the kernel needs symbols of its own floor and of lower ones only
    cycles     no two files of the kernel need each other, unless docs/design.md lists the pair
    statics    no static name occurs in two files of the kernel
    width      no line is longer than 100 columns
    format     clang-format has nothing to change
    text       no line ends in a space, and every file ends in a newline
    calls      each system call has a row in docs/syscalls.md, in the order of names
    links      the files and the make targets that the documents name exist
    sparse     sparse finds no user pointer that is dereferenced
    tidy       clang-tidy finds no mistake (.clang-tidy)
    cppcheck   cppcheck finds no mistake
    shell      shellcheck finds no mistake

docs/design.md, section 2, describes the floors. The checks floors and cycles read the kernel's
objects, and sparse, tidy and cppcheck read compile_commands.json: `make lint` makes both."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
import layers

ROOT = layers.ROOT
PLACES_MAX = 40  # printed for one check

# The width of a line, the files that have lines of code, and the parts of the tree that keep to it.
COLUMNS = 100
TAB = 8
CODE = {".c", ".cc", ".h", ".S", ".inc", ".py", ".sh", ".ld", ".cfg", ".json",
        ".ts", ".mjs", ".css"}  # fmt: skip
CODE_NAMES = {"Makefile", "Dockerfile", "run", ".clang-tidy"}
NARROW = (
    "tools/", "user/", "test/user/", ".ci/", ".devcontainer/", "Makefile", "Dockerfile",
    ".clang-tidy", "grub.cfg", "linker.ld", "kernel/main.c", "include/pagoda/",
    *(f"{folder}/{floor}/" for folder in ("kernel", "include")
      for floor in ("arch", "dev", "fs", "lib", "procfs", "sched", "sys", "tty")),
)  # fmt: skip


def tracked(*patterns):
    """Returns the paths of the project's files, including new ones that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def kernel_name(path):
    """Returns the name of a file from kernel/ or include/ on, as in mm/frame.c."""
    return str(path.relative_to(ROOT).relative_to(path.relative_to(ROOT).parts[0]))


def check_includes():
    """A file of the kernel includes headers of its own floor and of lower ones only."""
    for path in tracked("kernel/*.c", "kernel/*.h", "kernel/*.S", "include/*.h"):
        if path.parts[-2] == "pagoda":
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r"\s*#\s*include\s*<([^>]+)>", line)
            if found and layers.is_wrong_include(kernel_name(path), found[1]):
                yield f"{path.relative_to(ROOT)}:{number}: <{found[1]}> is on a higher floor"


def check_floors():
    """An object of the kernel needs symbols of its own floor and of lower ones only."""
    for name, above, symbols in references().upward():
        yield f"kernel/{name} needs {', '.join(sorted(symbols))} of kernel/{above}, a higher floor"


def check_cycles():
    """No two files of the kernel need each other, unless docs/design.md lists the pair."""
    listed = layers.read_pairs(layers.layers_section())
    return layers.wrong_cycles(references().cycles(), listed)


def references():
    """Returns the references between the kernel's objects."""
    return layers.read_objects(tracked("kernel/*.c", "kernel/*.S"))


def check_statics():
    """No static name occurs in two files of the kernel: gdb and backtraces are unambiguous."""
    paths = tracked("kernel/*.c", "kernel/*.h", "include/*.h")
    files = {str(path.relative_to(ROOT)): path.read_text() for path in paths}
    for name, where in layers.shared_names(files):
        yield f"{name} is static in {', '.join(where)}"


def check_width():
    """No line of code is longer than 100 columns; documents, tables and patches are not code."""
    for path in tracked():
        name = str(path.relative_to(ROOT))
        if not name.startswith(NARROW) or not (path.suffix in CODE or path.name in CODE_NAMES):
            continue
        if path.name == "package-lock.json":  # npm writes it
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            width = len(line.expandtabs(TAB))
            if width > COLUMNS:
                yield f"{name}:{number}: {width} columns"


def check_format():
    """clang-format has nothing to change."""
    command = ["clang-format", "--dry-run", "--Werror", *map(str, tracked("*.c", "*.cc", "*.h"))]
    done = subprocess.run(command, capture_output=True, text=True)
    for line in done.stderr.splitlines():
        place, error, _ = line.partition(" error: ")
        if error:
            yield f"{place.replace(f'{ROOT}/', '')} clang-format -i mends it"


def check_text():
    """No line ends in a space, and every file ends in a newline."""
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
    """Returns the commands in a document: text between backquotes and indented blocks, without
    what the commands quote."""
    code = re.findall(r"```.*?```|`[^`]+`|^ {4}[^\n]*$", markdown, re.S | re.M)
    return re.sub(r"'[^']*'", "", "\n".join(code))


def check_links():
    """The files and the make targets that the documents name exist."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][\w-]*):", makefile, re.M))
    for path in tracked("*.md"):
        text, name = path.read_text(), path.relative_to(ROOT)
        for link in re.findall(r"\]\(([^)#\s]+)", text):
            if ":" not in link and not (path.parent / link).exists():
                yield f"{name}: there is no {link}"
        for words in re.findall(r"\bmake((?: [\w=./-]+)+)", code_in(text)):
            words = words.split()
            if "-C" in words:
                continue
            for word in words:
                if re.match(r"[a-z]", word) and word not in targets:
                    yield f"{name}: there is no make {word}"


def check_calls():
    """Each system call has a row in docs/syscalls.md, in the order of names, and no other has."""
    document = "docs/syscalls.md"
    header = (ROOT / "include/sys/calls.h").read_text()
    calls = set(re.findall(r"\bX\((\w+)\)", header))
    rows = re.findall(r"^\| `(\w+)` \|.+\|.*\|$", (ROOT / document).read_text(), re.M)
    yield from (f"{document}: there is no row for {name}" for name in sorted(calls - set(rows)))
    yield from (f"{document}: there is no call {name}" for name in sorted(set(rows) - calls))
    for name, following in zip(rows, rows[1:]):
        if name >= following:
            yield f"{document}: {following} does not belong behind {name}"


def outputs(commands):
    """Returns what each command prints, errors included. Runs one command on each CPU at a time."""

    def run(command):
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.run(command, cwd=ROOT, text=True, **both).stdout

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(run, commands))


def complaints(commands, pattern=r":\d+:.*(error|warning|note|style)"):
    """Runs the commands, and returns each line of theirs that names a place, once."""
    lines = "".join(outputs(commands)).replace(f"{ROOT}/", "").splitlines()
    return list(dict.fromkeys(line for line in lines if re.search(pattern, line)))


def compiled(folder):
    """Yields (file, its compiler flags) for the C files in a folder."""
    for entry in json.loads((ROOT / "compile_commands.json").read_text()):
        if entry["file"].startswith(folder):
            words = entry["command"].split()[1:-2]  # without the compiler, and -c FILE
            yield entry["file"], [word for word in words if word not in ("-MMD", "-MP")]


def check_sparse():
    """sparse finds no user pointer that is dereferenced."""
    # sparse's __atomic_load_n takes no enum, and it does not define the compiler's version.
    # msr_write splits constants into halves on purpose. Numbers that Linux's headers declare as
    # little-endian are numbers here: x86 has no others.
    options = ["-D__atomic_load_n(p, order)=(*(p))", '-D__VERSION__="sparse"', "-Wno-cast-truncate",
               "-Wno-bitwise"]  # fmt: skip
    return complaints(["sparse", *options, *flags, file] for file, flags in compiled("kernel/"))


def check_tidy():
    """clang-tidy finds no mistake."""
    commands = (["clang-tidy", "-p", ".", "--quiet", file] for file, _ in compiled(""))
    return complaints(commands, r": (error|warning):")


def check_cppcheck():
    """cppcheck finds no mistake in the kernel and the programs."""
    # cppcheck takes %gs:0, the address of a CPU's own data, for a null pointer, and the symbols of
    # the linker script for objects; some GNU extensions are foreign to it. The tests are left out,
    # because cppcheck believes that a CHECK that fails returns.
    ignored = ["nullPointer", "comparePointers", "internalAstError", "signConversion",
               "missingInclude", "*:build/*"]  # fmt: skip
    return complaints([[
        "cppcheck", "-q", f"-j{os.cpu_count()}", "--enable=warning,performance,portability",
        "--std=c11", "-Iinclude", "-Ibuild/include-links", "-Iuser/lib", "-D__x86_64__",
        *(f"--suppress={name}" for name in ignored),
        "--template={file}:{line}: {severity}: {message} [{id}]", "kernel", "user",
    ]])  # fmt: skip


def check_shell():
    """shellcheck finds no mistake."""
    return complaints([["shellcheck", "--format=gcc", *map(str, tracked("*.sh", ".ci/run"))]])


CHECKS = {
    "includes": check_includes, "floors": check_floors, "cycles": check_cycles,
    "statics": check_statics, "width": check_width, "format": check_format, "text": check_text,
    "links": check_links, "calls": check_calls, "sparse": check_sparse, "tidy": check_tidy,
    "cppcheck": check_cppcheck,
    "shell": check_shell,
}  # fmt: skip


def run(name):
    """Runs one check and prints its result. Returns true if no place breaks the rule."""
    places = list(CHECKS[name]())
    print(f"{'not ok' if places else 'ok'} - lint: {name}")
    print("".join(f"# {place}\n" for place in places[:PLACES_MAX]), end="")
    if len(places) > PLACES_MAX:
        print(f"# and {len(places) - PLACES_MAX} more")
    return not places


def main():
    names = sys.argv[1:] or list(CHECKS)
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"lint.py: no check {', '.join(unknown)}. The checks are: {' '.join(CHECKS)}",
              file=sys.stderr)  # fmt: skip
        sys.exit(2)
    results = [run(name) for name in names]
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
