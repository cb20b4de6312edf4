#!/usr/bin/env python3
"""Checks the gdb commands in a scripted session, which walks through page faults as README.md does.

Run by itself, this file is the test: it boots /test/gdb_target under gdb, prints `ok` or `not ok`
lines, and ends with their sum. gdb loads the same file, and runs the class Session in it."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
TARGET = TOOLS.parent / "build/user/test/gdb_target"
TIMEOUT = 1200


def main():
    import machine

    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder, "initrd.cpio")
        image.write_bytes(machine.initrd({"etc/run": b"/test/gdb_target\n"}))
        qemu = machine.qemu("-kernel", machine.KERNEL, "-initrd", image, "-append", "quiet", "-S",
                            "-no-reboot", "-serial", "null", "-monitor", "none", "-gdb", "stdio")
        words = " ".join(f"'{word}'" for word in qemu)
        launcher = Path(folder, "qemu.sh")
        launcher.write_text(f"#!/bin/sh\nexec {words} 2>{folder}/qemu.log\n")
        os.environ["PAGODA_QEMU"] = f"sh {launcher}"
        scripts = ["-x", TOOLS / "gdb/pagoda.py", "-x", __file__]
        try:
            done = subprocess.run(["gdb", "-q", "-nx", "-batch", *scripts, machine.KERNEL],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=TIMEOUT)
            text = done.stdout + done.stderr
        except subprocess.TimeoutExpired as late:
            text = (late.stdout or b"").decode(errors="replace")
            text += f"\nno answer within {TIMEOUT} seconds\n"
    results = re.findall(r"^(?:not )?ok .*$", text, re.MULTILINE)
    failed = sum(line.startswith("not ok") for line in results)
    if "session complete" not in text:
        results.append("not ok - the gdb session reaches its end")
        failed += 1
    print("\n".join(results))
    if failed:
        print("\n".join("# " + line for line in text.splitlines()))
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


class Session:
    """The part that runs inside gdb."""

    def __init__(self, gdb):
        self.gdb = gdb

    def run(self, command):
        return self.gdb.execute(command, to_string=True)

    def check(self, text, *patterns):
        """Prints a result for each pattern: ok if it occurs in the text of a command."""
        for pattern in patterns:
            if re.search(pattern, text, re.MULTILINE):
                print(f"ok - gdb shows {pattern}")
            else:
                print(f"not ok - gdb shows {pattern}")
                print("\n".join("# " + line for line in text.splitlines()))

    def stop_at_fault(self, symbol, access):
        """Continues until the program faults on its page `symbol` with this access.

        Returns the page's address."""
        address = int(self.gdb.parse_and_eval(f"(unsigned long)&{symbol}"))
        condition = f"if addr / 4096 == {address // 4096} && (access & {access}) == {access}"
        stop = self.gdb.Breakpoint("vspace_fault")
        stop.condition = condition.removeprefix("if ")
        self.run("continue")
        stop.delete()
        return address

    def outcome(self):
        """Returns the handler's result for the fault at which the machine has stopped."""
        self.run("finish")
        return str(self.gdb.parse_and_eval("$"))

    def main(self):
        self.run("set pagination off")
        self.run("set confirm off")
        self.run(f"add-symbol-file {TARGET}")
        self.run(f"target remote | {os.environ['PAGODA_QEMU']}")
        self.run("hbreak kernel_main")
        self.run("continue")
        self.run("delete")

        address = self.stop_at_fault("lazy_page", 2)
        fault = self.run("fault")
        self.check(fault, rf"cr2 +{address:#018x}", r"error +0x6 \[write user\]",
                   r"region .* rw- map private", r"gdb_target")
        self.check(self.run("vspace"), r"r-x map private file", r"rw- stack private anonymous",
                   r"break 0x")
        self.check(self.outcome(), "^FAULT_ZERO_FILLED$")
        self.check(self.run(f"pagetable {address}"),
                   r"leaf .*\[P W U A D NX\] -> frame .*: anon, 1 reference", r"mine alone")

        address = self.stop_at_fault("shared_page", 3)
        fault = self.run("fault")
        self.check(fault, rf"cr2 +{address + 1:#018x}", r"error +0x7 \[present write user\]",
                   r"leaf +0x", r"not writable: W is clear on the way")
        self.check(self.outcome(), "^FAULT_COPIED$")
        self.check(self.run(f"pagetable {address}"), r"leaf .*: anon, 1 reference$", r"mine alone")
        print("session complete")
        self.run("kill")


if __name__ == "__main__":
    if "gdb" in sys.modules:
        Session(sys.modules["gdb"]).main()
    else:
        sys.exit(main())
