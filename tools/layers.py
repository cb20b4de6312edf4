"""The kernel's floors, and the symbols that its files need of each other.

Section 2 of docs/design.md is the source of two rules: the list of floors, the highest first, and
the table of file pairs that may need each other. nm reads the symbols from the object files."""

import os
import re
import subprocess
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DESIGN = ROOT / "docs/design.md"

# Headers that belong to no floor: the system's, and Pagoda's own system calls.
OUTSIDE = {"linux", "asm", "asm-generic", "pagoda"}
OUTSIDE_FILES = {"sys/queue.h", "sys/tree.h"}

# The only calls up: the three doors, which arch/ opens, and main.c, which the boot code starts.
DOORS = {"fault_dispatch", "interrupt_dispatch", "syscall_dispatch", "kernel_main"}


def layers_section():
    """Returns section 2 of the design document."""
    return re.search(r"^## 2\..*?(?=^## )", DESIGN.read_text(), re.S | re.M)[0]


def read_floors(section):
    """Returns the names of the floors, from the lowest to the highest."""
    drawing = re.search(r"^    main\.c .*?\n\n", section, re.S | re.M)[0]
    return re.findall(r"^    (\w+)/ +\S", drawing, re.M)[::-1]


def read_pairs(section):
    """Returns the file pairs that may need each other: {(file, file): reason}."""
    rows = re.findall(r"^\| `(\S+)` \| `(\S+)` \| (.+) \|$", section, re.M)
    return {tuple(sorted(pair)): reason for *pair, reason in rows}


FLOORS = read_floors(layers_section())


def floor_of(name):
    """Returns the height of a file, as in mm/frame.c; main.c stands above all floors."""
    folder = name.split("/")[0]
    return FLOORS.index(folder) if folder in FLOORS else len(FLOORS)


def is_wrong_include(name, included):
    """Returns true if the file `name` stands on a lower floor than the header that it includes."""
    folder = included.split("/")[0]
    if folder in OUTSIDE or "/" not in included or included in OUTSIDE_FILES:
        return False
    return folder not in FLOORS or floor_of(included) > floor_of(name)


def foundations():
    """Returns the symbols that every file may need: those of lib/panic.h, and printk."""
    panic = (ROOT / "include/lib/panic.h").read_text()
    return {"printk", *re.findall(r"(\w+)\([^()]*\);", panic)}


class References:
    """The symbols that each file defines, and those that it needs from other files."""

    def __init__(self, nm_lines):
        """Takes pairs of a file's name and a line that nm prints for its object."""
        definer, needs = {}, defaultdict(set)
        for name, line in nm_lines:
            kind, symbol = line.split()[-2:]
            if kind == "U":
                needs[name].add(symbol)
            elif kind.isupper():
                definer[symbol] = name
        ignored = foundations() | DOORS
        self.between = defaultdict(set)  # (file, file it needs): the symbols
        for name, symbols in needs.items():
            for symbol in symbols & set(definer) - ignored:
                self.between[name, definer[symbol]].add(symbol)

    def cycles(self):
        """Returns the pairs of files that need each other: {(file, file): (symbols, symbols)}."""
        return {
            (one, other): (symbols, self.between[other, one])
            for (one, other), symbols in sorted(self.between.items())
            if one < other and (other, one) in self.between
        }

    def upward(self):
        """Yields the needs of a higher floor: (file, the file above, the symbols)."""
        for (name, above), symbols in sorted(self.between.items()):
            if floor_of(above) > floor_of(name):
                yield name, above, symbols


def read_objects(sources):
    """Returns the references between these sources, from their objects in build/."""
    lines = []
    for source in sources:
        name = str(source.relative_to(ROOT))
        command = [os.environ.get("NM") or "nm", f"build/{name}.o"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise FileNotFoundError(f"{done.stderr.strip()} (make all builds the objects)")
        lines += [(name.removeprefix("kernel/"), line) for line in done.stdout.splitlines()]
    return References(lines)


def wrong_cycles(found, listed):
    """Yields a line for each cycle that is not listed, and for each listed pair that is none."""
    for (one, other), (needs, needed) in found.items():
        if (one, other) not in listed:
            there, back = ", ".join(sorted(needs)), ", ".join(sorted(needed))
            yield f"{one} needs {there} of {other}, which needs {back} back: move one of them"
    for one, other in sorted(set(listed) - set(found)):
        yield f"docs/design.md: {one} and {other} are no cycle any more: remove the row"


def static_names(text):
    """Returns the names of a C file's static functions and of its file-level static variables."""
    names, in_struct = set(), False
    for line in re.sub(r"^(static [\w *]+)\n", r"\1 ", text, flags=re.M).splitlines():
        line = re.sub(r"\b__\w+\s*\([^()]*\)", "", line)  # attributes with arguments
        found = re.match(r"static\b[^(=;,\[{]*\(\*(?:const )?(\w+)", line) or re.match(
            r"static\b[^(=;,\[{]*?\b(\w+)\s*[(=;,\[]", line
        )
        if found:
            names.add(found[1])
        elif line.startswith("static") and line.endswith("{"):
            in_struct = True  # an unnamed type; the variable's name stands behind its end
        elif in_struct and line.startswith("}"):
            names.update(re.findall(r"^\}[^=;\[]*?\b(\w+)\s*[=;\[]", line))
            in_struct = False
    return names


def shared_names(files):
    """Returns the static names that several of the files {name: text} have: (name, the files)."""
    places = defaultdict(list)
    for name, text in sorted(files.items()):
        for static in static_names(text):
            places[static].append(name)
    return [(name, where) for name, where in sorted(places.items()) if len(where) > 1]
