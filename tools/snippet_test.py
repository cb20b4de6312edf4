#!/usr/bin/env python3
"""Tests snippet.py on a tree of two small files. Prints TAP lines."""

import subprocess
import sys
import tempfile
from pathlib import Path

from snippet import Change, Malformed, Stale, Tree

HEAP = """\
/* The "old" comment isn't code: free(page); */
void heap_free(struct heap *heap, void *object)
{
    if (object) {
        spin_lock(&heap->lock); /* before the list */
        list_add(&heap->free,
                 object);
        spin_unlock(&heap->lock);
    }
    print("one "
          "string");
}
"""
TABLE = """\
int table_put(struct table *table)
{
    assert(table->refs > 0);
    return --table->refs;
}
"""


class Sources:
    """A tree in a temporary folder, and changes of it."""

    def __init__(self, folder):
        self.folder, self.tree = folder, folder / "tree"
        (self.tree / "mm").mkdir(parents=True)
        (self.tree / "vm").mkdir()
        self.write()

    def write(self):
        (self.tree / "mm/heap.c").write_text(HEAP)
        (self.tree / "vm/table.c").write_text(TABLE)

    def change(self, *snippets, text=None):
        path = self.folder / "change"
        path.write_text(text or "It breaks.\n" + "".join(
            f"\n<<<<\n{old}\n====\n{new}\n>>>>\n" for old, new in snippets))
        return path

    def changed(self, *snippets):
        """The text of both files after a change; the files are written anew."""
        tree = Tree(self.tree)
        tree.apply(Change(self.change(*snippets)))
        tree.write()
        texts = (self.tree / "mm/heap.c").read_text(), (self.tree / "vm/table.c").read_text()
        self.write()
        return texts

    def why_stale(self, *snippets):
        try:
            Tree(self.tree).find_all(Change(self.change(*snippets)))
        except Stale as stale:
            return str(stale)
        return None

    def is_malformed(self, text):
        try:
            Change(self.change(text=text))
        except Malformed:
            return True
        return False

    def command(self, verb, *arguments):
        command = [sys.executable, Path(__file__).parent / "snippet.py", verb, *arguments]
        return subprocess.run(command, capture_output=True, text=True)


def test_formatting_does_not_count(sources):
    heap, _ = sources.changed(("spin_lock( &heap->lock );\nlist_add(&heap->free, object);",
                               "list_add(&heap->free, object);"))
    return heap == HEAP.replace("""\
        spin_lock(&heap->lock); /* before the list */
        list_add(&heap->free,
                 object);
""", "        list_add(&heap->free, object);\n")


def test_new_lines_are_indented_like_the_old(sources):
    heap, _ = sources.changed(("    spin_unlock(&heap->lock);", "    if (a)\n        b();"))
    return "\n        if (a)\n            b();\n    }\n" in heap


def test_part_of_a_line(sources):
    _, table = sources.changed(("table->refs > 0", "true"))
    return table == TABLE.replace("table->refs > 0", "true")


def test_empty_piece_removes_lines(sources):
    _, table = sources.changed(("assert(table->refs > 0);", ""))
    return table == TABLE.replace("    assert(table->refs > 0);\n", "")


def test_strings_may_be_split(sources):
    heap, _ = sources.changed(('print("one string");', 'print("two");'))
    return heap == HEAP.replace('"one "\n          "string"', '"two"')


def test_comments_are_not_found(sources):
    return "nowhere" in sources.why_stale(("free(page)", "keep(page)"))


def test_parts_of_words_are_not_found(sources):
    return "nowhere" in sources.why_stale(("refs > 0", "true"), ("able->refs > 0", "true"))


def test_snippets_of_several_files(sources):
    heap, table = sources.changed(("--table->refs", "table->refs"), ("if (object)", "if (true)"),
                                  ("spin_unlock", "spin_lock"))
    return (heap == HEAP.replace("if (object)", "if (true)").replace("unlock", "lock")
            and table == TABLE.replace("--", ""))


def test_copies_are_listed(sources):
    return sources.why_stale(("heap->lock", "x")) == \
        "snippet 1 is found 2 times: mm/heap.c:5, mm/heap.c:8"


def test_overlap_is_stale(sources):
    return "overlap" in sources.why_stale(("table->refs > 0", "a"), ("assert(table->refs", "b("))


def test_most_similar_piece(sources):
    return sources.why_stale(("assert(frame->refs > 0);\nreturn --frame->refs;", "")) == """\
snippet 1 is found nowhere; the most similar piece is at vm/table.c:3
    old piece: frame
    source:    table
    old piece: frame
    source:    table"""


def test_malformed_changes(sources):
    return all(map(sources.is_malformed, [
        "\n", "No snippet.\n", "<<<<\na\n====\nb\n>>>>\n", "No middle.\n<<<<\na\n>>>>\n",
        "No end.\n<<<<\na\n====\n", "No old piece.\n<<<<\n/* a */\n====\nb\n>>>>\n"]))


def test_check_writes_nothing(sources):
    done = sources.command("check", sources.tree, sources.change(("--table", "table")))
    return done.returncode == 0 and (sources.tree / "vm/table.c").read_text() == TABLE


def test_apply_writes_all_or_nothing(sources):
    stale = sources.change(("--table", "table"), ("nobody", "has this"))
    done = sources.command("apply", sources.tree, stale)
    untouched = (sources.tree / "vm/table.c").read_text() == TABLE
    good = sources.change(("--table", "table"))
    again = sources.command("apply", "--in", "vm", sources.tree, good)
    return (done.returncode == 1 and untouched and again.returncode == 0
            and (sources.tree / "vm/table.c").read_text() == TABLE.replace("--", ""))


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    failed = 0
    for number, (name, test) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            passed = test(Sources(Path(folder)))
        failed += not passed
        print(f"{'ok' if passed else 'not ok'} {number} - {name.removeprefix('test_')}")
    print(f"1..{len(tests)}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
