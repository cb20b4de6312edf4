"""Transcripts: what documents show of gdb, compared with what gdb says.

In a document, a transcript is an indented block that begins with "(gdb) COMMAND". The blocks of a
document are one session. Numbers in hexadecimal vary from build to build, and so do lines of source
files and some other numbers (VARIES), so they are not compared. A line "..." stands for any number
of lines. gdb's own empty lines are left out."""

import re

PROMPT = "(gdb) "
VARIES = [(r"0x[0-9a-f]+", "0x?"), (r"^#\d+", "#?"), (r"(\.[chS]:)\d+", r"\1?"),
          (r"page \d+", "page ?"), (r"\d+ frames", "? frames"), (r"\s+", " ")]  # fmt: skip


def steps(markdown):
    """Yields (line's number, command, the lines that follow) for each command in a document."""
    command, shown, start = None, [], 0
    for number, line in enumerate([*markdown.splitlines(), ""], 1):
        is_code = line.startswith("    ")
        if command is not None and (not is_code or line[4:].startswith(PROMPT)):
            yield start, command, shown
            command = None
        if is_code and line[4:].startswith(PROMPT):
            command, shown, start = line[4 + len(PROMPT) :], [], number
        elif is_code and command is not None:
            shown.append(line[4:])


def plain(line):
    for pattern, instead in VARIES:
        line = re.sub(pattern, instead, line)
    return line.strip()


def is_same(shown, said):
    """Returns true if the lines of a document stand for those that gdb has said."""
    if not shown:
        return not said
    if shown[0] == "...":
        return any(is_same(shown[1:], said[n:]) for n in range(len(said) + 1))
    return bool(said) and plain(shown[0]) == plain(said[0]) and is_same(shown[1:], said[1:])


def lines(text):
    return [line.rstrip() for line in text.splitlines() if line.strip()]


MARK = "next step"


def script(markdown, before):
    """Returns what gdb is to read: the commands `before`, then those of a document."""
    mark = f"echo \\n{MARK}\\n"
    found = [line for _, command, _ in steps(markdown) for line in (mark, command)]
    return "\n".join([*before, *found, mark, ""])


def compare(name, markdown, output):
    """Yields (is good, the step's place and command, what gdb has said) for each command.

    gdb reads its commands from a pipe, so its output has prompts, and no commands."""
    said = output.replace(PROMPT, "").split(MARK)[1:-1]
    for (number, command, shown), text in zip(steps(markdown), said):
        yield is_same(shown, lines(text)), f"{name}:{number}: {command}", text.strip("\n")
    missing = len(list(steps(markdown))) - len(said)
    if missing:
        yield False, f"{name}: gdb answers {missing} commands more", output
