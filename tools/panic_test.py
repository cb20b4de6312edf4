#!/usr/bin/env python3
"""Breaks each kind of invariant, and checks that the report names the rule and the culprit.

Each case makes a system call of the kernel run other instructions (hang_test.py). They break an
invariant as a mistake in the kernel would. run.py boots the kernel, and a program makes the call.
The sentences of the rules are compared with docs/design.md. Prints TAP lines."""

import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import machine
from hang_test import AT_ONCE, HUNG, READ_NULL, Broken, Case, rank

IS_DEBUG = machine.setting("DEBUG", "") == "1"
ROOT = machine.TOOLS.parent
CULPRIT = "futex_requeue"  # the function in which the instructions stand


def constant(name, header):
    """Returns the position of a name in the enumeration of a header."""
    text = (ROOT / header).read_text()
    names = re.findall(r"^    (FRAME_\w+),", text, re.M)
    return names.index(name)


def rules():
    """Returns {number: title} of the rules in docs/design.md."""
    text = (ROOT / "docs/design.md").read_text()
    found = re.findall(r"^(\d)\. \*\*(.*?)\*\*", text, re.M | re.S)
    return {int(number): " ".join(title.split()) for number, title in found}


def rule(number):
    """Returns the line of a report that names a rule."""
    return rf"^rule {number} of docs/design\.md: {re.escape(rules()[number])}$"


AT_CULPRIT = rf"^#\d+ 0x\w+ {CULPRIT}\+0x\w+.*  kernel/proc/futex.c:\d+$"
BY_CULPRIT = rf"(?:\w+\+0x\w+ <- )*{CULPRIT}\+0x\w+"
ALLOCATED = rf"^  allocated by {BY_CULPRIT}"
FREED = rf"^  freed by {BY_CULPRIT}"
PUT = rf"^  put by {BY_CULPRIT}"

EVENTS = r"^the last events( that concern it)?:\n  \d+ cpu 0 tid \d+ "
EVENTS_OF_FRAME = (r"^the last events that concern it:\n", "frame_alloc frame=",
                   "frame_free frame=")  # fmt: skip

NEW_FRAME = """
        mov $anon, %edi
        call frame_alloc
        mov %rax, %rbx
"""
# Makes %rax the address of the frame in %rbx.
ADDRESS = """
        mov %rbx, %rax
        sub frames, %rax
        shl $8, %rax  # 16 bytes a descriptor, 4096 a frame
        mov $0xffff800000000000, %rcx
        add %rcx, %rax
"""
PUT_FRAME = """
        mov %rbx, %rdi
        call frame_put
"""
# Returns from the call. %rbx was pushed.
RETURN_0 = """
        xor %eax, %eax
        mov -8(%rbp), %rbx
        leave
        ret
"""


class Provocation:
    def __init__(self, what, number, code, *patterns, debug=(), command="audit", entry="audit"):
        self.what, self.number, self.code, self.command = what, number, code, command
        self.patterns = [*patterns, *((EVENTS, *debug) if IS_DEBUG else ())]
        self.entry = f"sys_{entry}_entry"

    def carry_out(self):
        with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
            broken = Broken(directory)
            if isinstance(self.code, dict):
                for name, code in self.code.items():
                    broken.write(name, code)
            else:
                names = {"anon": constant("FRAME_ANON", "include/mm/frame.h"),
                         "pipe_rank": rank("RANK_PIPE")}  # fmt: skip
                text = self.code.replace("arrived", "ring+12288")
                broken.write_assembly(text, names, entry=self.entry)
            text = broken.run(self.command, "--silence", str(HUNG))
        return Case(f"{self.what}: rule {self.number}", text).has(
            rule(self.number), *self.patterns)  # fmt: skip


PROVOCATIONS = [
    Provocation("a kernel stack that overflows", 9, "again: push %rax; jmp again",
                r"^panic: kernel stack overflow: 0x\w+ is in the guard below the stack$",
                AT_CULPRIT),
    Provocation("a jump to NULL", 9, "xor %eax, %eax; call *%rax",
                r"^panic: page fault in the kernel: kernel execute, .* address 0x0{16}$",
                AT_CULPRIT),
    Provocation("a double fault", 9, "mov $0xffff900000000000, %rsp; push %rax",
                r"^panic: double fault: an exception could not be delivered$", AT_CULPRIT),
    Provocation("a page fault in the handler of an interrupt", 9, {"sched_timer": READ_NULL},
                r"^panic: page fault in the kernel: kernel read, not present, address 0x0{16}$",
                r"^#\d+ 0x\w+ sched_timer\+0x\w+ \(interrupted\)  kernel/sched/tick.c:\d+$",
                r"^    -- timer interrupt( from user mode, rip 0x\w+)? --$"),
    Provocation("a page fault before there are threads", 9, {"sched_init": READ_NULL},
                r"^panic: page fault in the kernel: kernel read, not present, address 0x0{16}$",
                r"^#0 0x\w+ sched_init\+0x\w+ \(interrupted\)  kernel/sched/\w+.c:\d+$"),
    Provocation("a free list that is corrupted", 9, """
        mov buddy_lists+40, %ebx  # the first run of 2^10 frames
        shl $4, %rbx
        add frames, %rbx
        movl $0, 8(%rbx)  # the one before it
        mov $anon, %edi
        mov $10, %esi
        call frame_alloc_run
        ud2""", r"^panic: kernel/mm/frame.c:\d+: assertion failed: frame->prev ", AT_CULPRIT),
    Provocation("a reference put too often", 4, f"""{NEW_FRAME}
        lock incl (%rbx)  # a second reference
        {PUT_FRAME} {PUT_FRAME} {PUT_FRAME}
        ud2""", r"^panic: assertion failed: frame 0x\w+ \(free, cached\) has no reference to put$",
                AT_CULPRIT, debug=(ALLOCATED, FREED, rf"(?:{PUT}.*\n){{3}}", *EVENTS_OF_FRAME)),
    Provocation("a frame that is freed twice", 4, f"""{NEW_FRAME} {PUT_FRAME}
        mov %rbx, %rdi
        call frame_free
        ud2""", r"^panic: assertion failed: frame 0x\w+ \(free, cached\) is freed twice$",
                AT_CULPRIT, debug=(ALLOCATED, FREED, *EVENTS_OF_FRAME)),
    Provocation("a frame that leaks", 4, f"push %rbx {NEW_FRAME} {RETURN_0}",
                r"^audit: frame 0x\w+ \(anon\) has 1 references, and 0 are found$",
                debug=(ALLOCATED,), command="sync; audit", entry="sync"),
    Provocation("a lock that is taken twice", 7, """
        cli
        mov $arrived, %rdi
        movb $pipe_rank, 1(%rdi)
        call spin_wait
        mov $arrived, %rdi
        call spin_wait
        ud2""", r"^panic: deadlock: CPU 0 spins for the lock 0x\w+ \(RANK_PIPE\), held by CPU 0$",
                AT_CULPRIT),
]  # fmt: skip

# A release kernel notices none of these.
IN_DEBUG = [
    Provocation("a list that is corrupted", 9, """
        mov $2016, %edi
        call heap_alloc
        and $-4096, %rax  # the slab, which begins with its links
        lea 16(%rax), %rcx
        mov %rcx, 8(%rax)  # what leads to the slab
again:  mov $2016, %edi
        call heap_alloc
        jmp again""", r"^panic: Bad link elm 0x\w+ prev->next != elm$", AT_CULPRIT),
    Provocation("a lock of a rank that is held", 7, """
        mov $pipe_rank, %edi
        mov $arrived, %rsi
        call lock_check_acquire
        mov $pipe_rank, %edi
        call lock_check_acquire
        ud2""", r"^panic: lock order: acquiring a lock of RANK_PIPE while holding one of RANK_PIPE",
                AT_CULPRIT),
    Provocation("a write to a frame that was freed", 5, f"""{NEW_FRAME} {PUT_FRAME} {ADDRESS}
        incb 0x123(%rax)
        {NEW_FRAME}
        ud2""", r"^panic: frame 0x\w+ was written after it was freed: offset 0x120 holds 0xdfdf",
                AT_CULPRIT, FREED.replace("freed", "freed before")),
] if IS_DEBUG else []  # fmt: skip


def sentences_are_those_of_the_document():
    text = (ROOT / "kernel/lib/rule.c").read_text()
    found = re.findall(r'^    "(.+)",$', text.partition("sentences[")[2], re.M)
    case = Case("the rules in kernel/lib/rule.c are those of docs/design.md", "\n".join(found))
    return case.has(*(f"^{re.escape(title)}$" for title in rules().values()))


def main():
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = pool.map(Provocation.carry_out, [*PROVOCATIONS, *IN_DEBUG])
        results = [case.report() for case in [sentences_are_those_of_the_document(), *done]]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
