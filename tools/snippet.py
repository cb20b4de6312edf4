#!/usr/bin/env python3
"""Changes C sources by snippets: a new piece of code replaces an old one, wherever that stands.

    snippet.py check [--in FOLDER]... TREE FILE...    lists the changes that do not fit the sources
    snippet.py apply [--in FOLDER]... TREE FILE...    makes the changes, all of them or none

The sources are the *.c, *.h and *.S below TREE, or below these folders of it. Each FILE is a
change: a first line that says what the change does, and one or more snippets, which are an old
piece of code and the new one. Other lines are for the reader.

    fork leaves the flush to the child.

    <<<<
    pagetable_copy(parent, child);
    tlb_flush_all(&parent->mmu);
    ====
    pagetable_copy(parent, child);
    >>>>

A snippet names no file and no line: its old piece stands in the sources exactly once. Pieces are
compared word by word. Comments, white space, line breaks, and the places where a string is split
do not count, so code may move to another file and be formatted anew. The new piece is inserted as
it is written, comments included, and indented as the old piece was. If the new piece is empty, the
lines of the old piece are removed. All old pieces of a change are found before the first new one
is inserted.

A snippet is stale if its old piece is found nowhere or several times. `check` then says where the
most similar piece stands and how it differs, or where the copies are. The exit status is 1 if a
change is stale, and 2 if a FILE is no change."""

import argparse
import bisect
import re
import sys
import textwrap
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path

SUFFIXES = {".c", ".h", ".S"}
OPEN, MIDDLE, CLOSE = "<<<<", "====", ">>>>"
NEXT = {OPEN: MIDDLE, MIDDLE: CLOSE, CLOSE: OPEN}

TOKEN = re.compile(r"""
    (?P<blank> \s+ | \\\n | /\*.*?\*/ | //[^\n]* )
  | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])+'
  | [A-Za-z_]\w* | \.?\d(?:[eEpP][+-]|[\w.])*
  | <<= | >>= | \.\.\. | -> | \+\+ | -- | << | >> | && | \|\| | \#\# | [-+*/%&|^<>=!]=
  | .
    """, re.VERBOSE | re.DOTALL)


class Malformed(Exception):
    """A file that should describe a change does not."""


class Stale(Exception):
    """A change does not fit the sources. The message has a line or more for each stale snippet."""


class Tokens:
    """The tokens of a text, without comments and white space.

    words[i] stands at text[starts[i]:ends[i]]. Adjacent string literals are one word."""

    def __init__(self, text):
        self.text, self.words, self.starts, self.ends = text, [], [], []
        for token in TOKEN.finditer(text):
            if token["blank"]:
                continue
            word = token[0]
            if word[0] == '"' and self.words and self.words[-1][0] == '"' and len(word) > 1:
                self.words[-1] = self.words[-1][:-1] + word[1:]
                self.ends[-1] = token.end()
                continue
            self.words.append(word)
            self.starts.append(token.start())
            self.ends.append(token.end())
        # The words as one string, each behind a newline, and where each begins in it.
        self.joined = "".join("\n" + word for word in self.words) + "\n"
        self.offsets, offset = [], 0
        for word in self.words:
            self.offsets.append(offset)
            offset += len(word) + 1

    def find(self, piece):
        """The index of each word at which the words of `piece` begin."""
        found, at = [], self.joined.find(piece.joined)
        while at >= 0:
            found.append(bisect.bisect_left(self.offsets, at))
            at = self.joined.find(piece.joined, at + 1)
        return found

    def line(self, index):
        """The number of the line in which a word stands."""
        return self.text.count("\n", 0, self.starts[index]) + 1

    def shown(self, first, last):
        """The words from `first` up to `last`, in one line that is not too long."""
        if first == last:
            return "(nothing)"
        text = " ".join(self.text[self.starts[first]:self.ends[last - 1]].split())
        return text if len(text) <= 80 else text[:50] + " ... " + text[-25:]

    def lines(self, first, last):
        """The lines of the words from `first` up to `last`."""
        start = self.text.rfind("\n", 0, self.starts[first]) + 1
        lines = textwrap.dedent(self.text[start:self.ends[last - 1]]).splitlines()
        return ["    " + line for line in lines[:12]] + ["    ..."] * (len(lines) > 12)

    def most_similar(self, piece):
        """(similarity from 0 to 1, index) of the part that is most like a piece of its length."""
        size, wanted, have, common, parts = len(piece.words), Counter(piece.words), Counter(), 0, []
        for index, word in enumerate(self.words):
            have[word] += 1
            common += have[word] <= wanted[word]
            if index >= size:
                gone = self.words[index - size]
                common -= have[gone] <= wanted[gone]
                have[gone] -= 1
            parts.append((common, max(0, index - size + 1)))
        # The number of common words says nothing of their order, so that is compared for the best.
        return max(((matcher(piece.words, self.words[index:index + size]).ratio(), index)
                    for _, index in sorted(parts, reverse=True)[:8]), default=(0, 0))


class Change:
    """What a file says: its first line, and pairs (old text, new text)."""

    def __init__(self, path):
        self.path = Path(path)
        lines = self.path.read_text().splitlines() or [""]
        self.sentence, self.snippets = lines[0], []
        if lines[0].strip() in ("", OPEN):
            raise Malformed(f"{path}:1: the first line does not say what the change does")
        expected, pieces = OPEN, []
        for number, line in enumerate(lines, 1):
            if line not in NEXT:
                if pieces:
                    pieces[-1].append(line)
                continue
            if line != expected:
                raise Malformed(f"{path}:{number}: {line}, but {expected} is expected")
            expected = NEXT[line]
            if line != CLOSE:
                pieces.append([])
                continue
            old, new = ("\n".join(piece) for piece in pieces)
            if not Tokens(old).words:
                raise Malformed(f"{path}:{number}: the old piece of this snippet is empty")
            self.snippets.append((old, new))
            pieces = []
        if pieces or not self.snippets:
            raise Malformed(f"{path}:{len(lines)}: {expected} is missing")


class Tree:
    """Source files in memory."""

    def __init__(self, root, folders=()):
        self.root, self.files, self.changed = Path(root), {}, set()
        for folder in folders or ["."]:
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in SUFFIXES and path.is_file():
                    self.files[path] = Tokens(path.read_text())

    def apply(self, change):
        """Makes a change in memory. Raises Stale, and changes nothing, if it does not fit."""
        for path, spans in self.find_all(change).items():
            text = self.files[path].text
            for start, end, new in reversed(spans):
                text = text[:start] + new + text[end:]
            self.files[path] = Tokens(text)
            self.changed.add(path)

    def write(self):
        """Writes the files that changes were made in."""
        for path in self.changed:
            path.write_text(self.files[path].text)
        self.changed.clear()

    def find_all(self, change):
        """{path: [(start, end, new text)]} of a change, in the order of the text, or Stale."""
        found, problems = {}, []
        for number, (old, new) in enumerate(change.snippets, 1):
            try:
                path, index = self.find(Tokens(old))
            except Stale as stale:
                problems.append(f"snippet {number} {stale}")
                continue
            found.setdefault(path, []).append(replacement(self.files[path], index, old, new))
        for path, spans in found.items():
            spans.sort()
            for (_, end, _), (start, _, _) in zip(spans, spans[1:]):
                if start < end:
                    problems.append(f"has snippets that overlap in {path.relative_to(self.root)}")
        if problems:
            raise Stale("\n".join(problems))
        return found

    def find(self, piece):
        """(path, index of the first word) of the only place where a piece stands, or Stale."""
        found = [(path, index) for path, tokens in self.files.items()
                 for index in tokens.find(piece)]
        if not found:
            raise Stale(f"is found nowhere; {self._most_similar(piece)}")
        if len(found) > 1:
            places = [self._place(*place) for place in found[:5]] + ["..."] * (len(found) > 5)
            raise Stale(f"is found {len(found)} times: {', '.join(places)}")
        return found[0]

    def _place(self, path, index):
        return f"{path.relative_to(self.root)}:{self.files[path].line(index)}"

    def _most_similar(self, piece):
        """Says where the most similar piece stands, and shows a few differences or its lines."""
        similar = [(*tokens.most_similar(piece), path) for path, tokens in self.files.items()]
        ratio, index, path = max(similar, default=(0, 0, None))
        if ratio < 0.4:
            return "nothing is similar"
        # The counterpart may begin earlier, and be longer or shorter.
        size, source = len(piece.words), self.files[path]
        first, last = max(0, index - size // 2), index + 2 * size
        blocks = matcher(piece.words, source.words[first:last]).get_matching_blocks()
        first, last = first + blocks[0].b, first + blocks[-2].b + blocks[-2].size
        steps = [step for step in matcher(piece.words, source.words[first:last]).get_opcodes()
                 if step[0] != "equal"]
        lines = [f"the most similar piece is at {self._place(path, first)}"]
        if len(steps) > 3:
            lines += source.lines(first, last)
        else:
            for _, i, j, k, m in steps:
                lines += [f"    old piece: {piece.shown(i, j)}",
                          f"    source:    {source.shown(first + k, first + m)}"]
        return "\n".join(lines)


def matcher(words, others):
    return SequenceMatcher(None, words, others, autojunk=False)


def indentation(line):
    return len(line) - len(line.lstrip())


def replacement(tokens, index, old, new):
    """(start, end, new text) that puts `new` where `old` stands from a word on.

    The lines of `new` move to the right or left, as far as the source stands from `old`."""
    text, start = tokens.text, tokens.starts[index]
    end = tokens.ends[index + len(Tokens(old).words) - 1]
    line = text.rfind("\n", 0, start) + 1
    below = text.find("\n", end) + 1 or len(text)
    begins_line, ends_line = not text[line:start].strip(), not text[end:below].strip()
    if not new.strip():
        return (line, below, "") if begins_line and ends_line else (start, end, "")
    old_line = next(line for line in old.splitlines() if line.strip())
    shift = indentation(text[line:end]) - indentation(old_line)
    lines = [" " * (indentation(line) + shift) + line.strip() if line.strip() else ""
             for line in new.strip("\n").splitlines()]
    new = "\n".join(lines).rstrip()
    return (line, end, new) if begins_line else (start, end, new.lstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["check", "apply"])
    parser.add_argument("--in", dest="folders", action="append", default=[])
    parser.add_argument("tree", type=Path)
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    try:
        changes = [Change(path) for path in options.files]
    except (Malformed, OSError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    tree, stale = Tree(options.tree, options.folders), 0
    for change in changes:
        try:
            if options.verb == "apply":
                tree.apply(change)
            else:
                tree.find_all(change)
        except Stale as error:
            stale += 1
            print(f"{change.path}: {change.sentence}\n" + textwrap.indent(str(error), "    "))
    if options.verb == "apply" and not stale:
        tree.write()
    print(f"{len(changes) - stale} of {len(changes)} changes fit the sources")
    sys.exit(stale > 0)


if __name__ == "__main__":
    main()
