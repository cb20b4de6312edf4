#!/usr/bin/env python3
"""Breaks the kernel in several ways, and checks that its reports say what happened.

Each case is a copy of the kernel in which a function begins with other instructions, behind the two
that make its frame. run.py boots it. Prints TAP lines."""

import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import machine

PROLOGUE = b"\x55\x48\x89\xe5"  # push %rbp; mov %rsp, %rbp
SILENCE = 3  # after which a report is made
HUNG = 20  # seconds of silence after which a machine is ended; its boot is shorter on any host
SECONDS = 600
AT_ONCE = 4  # most cases wait most of the time


def symbols():
    """Returns {name: address} of the kernel."""
    done = subprocess.run([machine.setting("NM", "nm"), machine.KERNEL], capture_output=True,
                          text=True, check=True)  # fmt: skip
    lines = (line.split() for line in done.stdout.splitlines())
    return {fields[2]: int(fields[0], 16) for fields in lines if len(fields) == 3}


def offset_of(image, address):
    """Returns where the byte at an address stands in an ELF file."""
    (table,) = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    for n in range(count):
        kind, _, offset, start, _, length = struct.unpack_from("<IIQQQQ", image, table + n * size)
        if kind == 1 and start <= address < start + length:
            return offset + address - start
    raise ValueError(f"{address:#x} is not in the file")


def call(function, at, argument):
    """Returns the code at `at` that calls a function with the address `argument`."""
    head = b"\x48\xc7\xc7" + struct.pack("<i", argument - 2**64) + b"\x31\xc0"
    return head + b"\xe8" + struct.pack("<i", function - (at + len(head) + 5))


def assemble(text, at, names):
    """Returns the machine code of assembly at an address. `names` are {symbol: value}."""
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        base = Path(directory) / "code"
        base.with_suffix(".s").write_text(f"{text}\n")
        subprocess.run(["x86_64-linux-gnu-as", "-o", base.with_suffix(".o"),
                        base.with_suffix(".s")], check=True)  # fmt: skip
        given = [f"--defsym={name}={value:#x}" for name, value in names.items()]
        subprocess.run(["x86_64-linux-gnu-ld", f"-Ttext={at:#x}", *given, "--oformat=binary", "-e",
                        f"{at:#x}", "-o", base, base.with_suffix(".o")], check=True)  # fmt: skip
        return base.read_bytes()


class Broken:
    """The kernel with other code in one function."""

    def __init__(self, directory):
        self.path = Path(directory) / "broken.elf"
        self.original = machine.KERNEL.read_bytes()
        self.path.write_bytes(self.original)
        self.symbols = symbols()

    def write(self, name, code):
        """Replaces the code of a function. `code` may be a function of the code's address."""
        self.write_at(bytearray(self.original), name, code)

    def write_assembly(self, text, names, others=(), entry="sys_audit_entry"):
        """Makes a system call, that of `audit`, run assembly. The code stands in a large function
        that no command here needs. `others` are pairs: a function, and its new code."""
        image = bytearray(self.original)
        for name, code in others:
            self.write_at(image, name, code)
        at = self.symbols[LARGE] + len(PROLOGUE)
        code = assemble(text, at, {**self.addresses(text), **names})
        self.write_far(entry, code, image)

    def write_far(self, name, code, image=None):
        """Makes a function, which may be short, jump to code in the large one."""
        image = image or bytearray(self.original)
        at = self.symbols[LARGE] + len(PROLOGUE)
        self.write_at(image, LARGE, code)
        self.write_at(image, name, lambda here: b"\xe9" + struct.pack("<i", at - here - 5))

    def addresses(self, text):
        """Returns {name: address} of the kernel's symbols that the assembly names."""
        words = {word for word in re.findall(r"\w+", text) if "_" in word} | {"frames", "ring"}
        names = {name: self.symbols[name] for name in words & set(self.symbols)}
        return {**names, "take_mutex": self.symbols[TAKE_MUTEX]}

    def write_at(self, image, name, code):
        address = self.symbols[name]
        offset = offset_of(image, address)
        code = PROLOGUE + (code(address + len(PROLOGUE)) if callable(code) else code)
        image[offset : offset + len(code)] = code
        self.path.write_bytes(image)

    def environment(self):
        settings = {"PAGODA_KERNEL": str(self.path), "PAGODA_REPORT_SECONDS": str(SILENCE)}
        return {**os.environ, **settings}

    def run(self, command, *options, cpus=1):
        """Runs a command on the broken kernel. Returns what run.py says on standard error."""
        done = subprocess.run(
            [sys.executable, machine.TOOLS / "run.py", "--no-input", *options, command],
            env={**self.environment(), "CPUS": str(cpus)}, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=SECONDS,
        )  # fmt: skip
        return done.stderr.decode(errors="replace")


class Case:
    def __init__(self, what, text):
        self.what, self.text, self.missing = what, text, []

    def has(self, *patterns):
        self.missing += [f"no {p}" for p in patterns if not re.search(p, self.text, re.M)]
        return self

    def lacks(self, *patterns):
        self.missing += [f"there is {p}" for p in patterns if re.search(p, self.text, re.M)]
        return self

    def report(self):
        """Prints the result. Returns true if the case passed."""
        print(f"{'not ok' if self.missing else 'ok'} - {self.what}", flush=True)
        for line in [*self.missing, *self.text.splitlines()] if self.missing else []:
            print(f"# {line}")
        return not self.missing


SPIN_WITHOUT_INTERRUPTS = b"\xfa\xeb\xfe"  # cli; jmp to itself
SPIN = b"\xeb\xfe"
READ_NULL = b"\x31\xc0\x48\x8b\x00"  # xor %eax, %eax; mov (%rax), %rax
UD2 = b"\x0f\x0b"
# push $0; push $0; lidt (%rsp); int3
TRIPLE_FAULT = b"\x6a\x00\x6a\x00\x0f\x01\x1c\x24\xcc"
RETURN = b"\x5d\xc3"  # pop %rbp; ret
EXIT_0 = b"\xb8\x3c\x00\x00\x00\x31\xff\x0f\x05"  # mov $60, %eax; xor %edi, %edi; syscall
LARGE = "futex_requeue"
TAKE_MUTEX = "mutex_lock" if machine.setting("DEBUG", "") == "1" else "mutex_wait"
LOG_UNUSED = 12 << 10  # the offset of bytes in the log that a short run leaves 0

# A CPU takes a lock when both have come, and waits until the other CPU has its own. Threads are
# preempted while they wait for the other CPU.
TAKE_EACH_OTHERS = """
        mov $arrived, %r14
        lea 0x10(%r14), %r12
        lea 0x20(%r14), %r13
        movb $pipe_rank, 1(%r12)
        movb $pipe_rank, 1(%r13)
again:  mov $1, %eax
        cpuid
        shr $24, %ebx  # the number of the local APIC, which is that of the CPU
        movb $1, (%r14, %rbx)
        pause
        cmpw $0x101, (%r14)
        jne again
        cli
        test %ebx, %ebx
        je first
        xchg %r12, %r13
first:  mov %r12, %rdi
        call spin_wait
other:  pause
        cmpb $0, (%r13)
        je other
        mov %r13, %rdi
        call spin_wait
        ud2
"""

# A CPU takes a lock, and stands still. The next thread that makes the call waits for the lock.
TAKE_AND_STOP = """
        cli
        mov $arrived, %rdi
        movb $pipe_rank, 1(%rdi)
        call spin_wait
dead:   jmp dead
"""

# Two threads take a mutex each, and then the other's. Both mutexes have the rank that nests. A
# release kernel has the path of a thread that waits as a function, and a debug build the whole.
SLEEP_FOR_EACH_OTHER = """
        mov $arrived, %rbx
        lea 0x100(%rbx), %r12
        lea 0x200(%rbx), %r13
        mov $1, %eax
        lock xadd %eax, (%rbx)
        test %eax, %eax
        jne second
        mov %r12, %rdi
        mov $vnode_rank, %esi
        call mutex_init
        mov %r13, %rdi
        mov $vnode_rank, %esi
        call mutex_init
        movl $1, 4(%rbx)
        jmp take
second: pause
        cmpl $0, 4(%rbx)
        je second
        xchg %r12, %r13
take:   mov %r12, %rdi
        call take_mutex
        lock incl 8(%rbx)
wait:   pause
        cmpl $2, 8(%rbx)
        jne wait
        mov %r13, %rdi
        call take_mutex
        ud2
"""
# A CPU requests a flush from all others.
FLUSH = """
        xor %edi, %edi
        mov $0x1000, %esi
        call tlb_flush_everywhere
        ud2
"""
AT_AUDIT = r"^#\d+ 0x\w+ sys_audit_entry\+0x\w+.*  kernel/sys/\w+\.c:\d+$"
# A debug build inlines little.
INLINED = ([] if machine.setting("DEBUG", "") == "1" else
           [r"       inlined: \w+  \w+/\S+:\d+$"])  # fmt: skip
FROM_USER = r"-- system call from user mode, rip 0x\w+ --"


def hung_with_interrupts_off(broken):
    broken.write("sys_audit_entry", SPIN_WITHOUT_INTERRUPTS)
    text = broken.run("audit", "--silence", str(HUNG))
    return Case("a hang with interrupts off is reported, with file and line", text).has(
        rf"no output for {SILENCE} seconds", r"^pid \d+ audit, running:$", AT_AUDIT, FROM_USER,
        r"^pid 1 init, asleep:$", r"sys_wait4\w*\+0x\w+  kernel/sys/\w+\.c:\d+$",
        *INLINED, r"CPU 0 was at 0x\w+ \(sys_audit_entry, kernel/sys",
    )  # fmt: skip


def hung_with_the_console_locked(broken):
    broken.write("serial_send", SPIN)
    text = broken.run("echo hello", "--silence", str(HUNG))
    return Case("a hang of the holder of the console's lock is reported", text).has(
        r"^#\d+ 0x\w+ serial_send\+0x\w+ \(interrupted\)  kernel/arch/serial.c:\d+$",
        r"^pid 1 init, asleep:$", r"end of CPU 0's report")  # fmt: skip


def sleeping_for_ever(broken):
    text = broken.run("sleep 1000", "--silence", str(HUNG))
    return Case("if every thread sleeps, the report shows where", text).has(
        r"^idle:$", r"^pid \d+ sleep, asleep:$", r"sys_nanosleep")  # fmt: skip


def waiting_for_input(broken):
    environment = {**broken.environment(), "PAGODA_REPORT_SECONDS": str(HUNG)}  # no boot takes it
    with subprocess.Popen(
        [sys.executable, machine.TOOLS / "run.py", "cat"], env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as run:  # fmt: skip
        text = ""
        while "\n" not in text[1:]:
            piece = os.read(run.stderr.fileno(), 4096).decode(errors="replace")
            if not piece:
                break
            text += piece
        run.terminate()
    return Case("a program that waits for input is no hang", text).has(
        rf"no output for {HUNG} seconds: pid \d+ cat waits for input$").lacks("#0")  # fmt: skip


def interrupted_at_terminal(broken):
    """Presses Ctrl-C on the terminal of run.py once the program is there."""
    process, terminal = pty.fork()
    if process == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
        os.environ.update(broken.environment(), PAGODA_REPORT_SECONDS="100", TIMEOUT=str(SECONDS))
        os.execv(sys.executable, [sys.executable, str(machine.TOOLS / "run.py"),
                                  "echo here; sleep 1000"])  # fmt: skip
    text = ""
    try:
        while piece := os.read(terminal, 4096).decode(errors="replace"):
            was_there = "here" in text
            text += piece
            if "here" in text and not was_there:
                time.sleep(5)  # the shell starts the program
                os.write(terminal, b"\x03")
    except OSError:
        pass  # the end
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    text = text.replace("\r", "") + f"status {status}\n"
    return Case("Ctrl-C on make run reports too", text).has(
        r"interrupted. The machine is here:", r"^pid \d+ sleep, asleep:$", r"^status 130$")


def asked_by_key(broken):
    """Presses Ctrl-A W on tools/qemu.py."""
    initrd = broken.path.with_name("initrd")
    initrd.write_bytes(machine.initrd({"etc/run": b"echo here; audit\n"}))
    broken.write("sys_audit_entry", SPIN_WITHOUT_INTERRUPTS)
    with subprocess.Popen(
        [sys.executable, machine.TOOLS / "qemu.py",
         *machine.qemu("-kernel", broken.path, "-initrd", initrd, "-serial", "mon:stdio")],
        env=broken.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as window:  # fmt: skip
        text, end, asked = "", time.monotonic() + SECONDS, 0
        while not re.search(r"(?s)audit, running:.*end of CPU 0's report", text):
            piece = os.read(window.stdout.fileno(), 4096).decode(errors="replace")
            if not piece or time.monotonic() > end:
                break
            text += piece
            # An answer may come before the shell has started the program.
            if "here" in text and text.count("end of CPU 0's report") == asked:
                asked += 1
                time.sleep(1)
                window.stdin.write(b"\x01w")
                window.stdin.flush()
        window.stdin.write(b"\x01x")
        window.stdin.flush()
        window.wait(SECONDS)
    return Case("Ctrl-A W in make qemu reports too", text.replace("\r", "")).has(
        r"^pid \d+ audit, running:$", AT_AUDIT, FROM_USER, r"end of CPU 0's report")


def triple_fault(broken):
    broken.write_far("sys_audit_entry", TRIPLE_FAULT)
    text = in_window(broken, {}, b"audit\n")
    return Case("a triple fault ends make qemu, which says so", text).has(
        r"^--- The machine reset itself, most likely by a triple fault", r"^rule 9 of ",
        r"^status 126$")


def failed_assertion(broken):
    broken.write("audit_run", lambda at: call(broken.symbols["panic"], at,
                                              broken.symbols["ksyms_names"]))
    text = broken.run("audit")
    return Case("a failed assertion shows its own backtrace, and no registers", text).has(
        r"^panic: ", r"audit_run\+0x\w+  kernel/vm/audit.c:\d+$", AT_AUDIT,
        FROM_USER).lacks(r"\bcr2\b", r"\brax\b", r"page fault")  # fmt: skip


def nested_fault(broken):
    broken.write("fault_dispatch", READ_NULL)
    text = broken.run("true")
    return Case("of nested faults, the first is shown", text).has(
        r"^panic: kernel stack overflow",
        r"^the first of \d+ nested exceptions in the kernel:\n"
        r"page fault, error 0x0\nrip \w+ cs 08",
        r"^    \.\.\. \d+ calls are left out \.\.\.$",
        r"fault_dispatch\+0x6 \(interrupted\)  kernel/sys/door.c:\d+$",
        r"^    -- page fault from user mode",
    )  # fmt: skip


def program(code):
    """Returns a static program: an ELF header, one segment of text, and the code."""
    start, size = 0x400000, 64 + 56 + len(code)
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, start + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 4096) + code


def in_window(broken, files, command=b"", cpus=1):
    """Runs tools/qemu.py with other programs in the root file system. Returns what it says."""
    initrd = broken.path.with_name("initrd")
    command_file = {"etc/run": command} if command else {}
    initrd.write_bytes(machine.initrd(command_file) + machine.cpio(files, 0o100755))
    done = subprocess.run(
        [sys.executable, machine.TOOLS / "qemu.py",
         *machine.qemu("-kernel", broken.path, "-initrd", initrd, "-serial", "mon:stdio",
                       "-smp", cpus)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS,
    )  # fmt: skip
    return done.stdout.decode(errors="replace").replace("\r", "") + f"status {done.returncode}\n"


def killed_init(broken):
    text = in_window(broken, {"bin/init": program(UD2)})
    return Case("the death of init is a panic, after an audit", text).has(
        r"^pid 1 init: invalid opcode .* --kill proc$", r"^audit: 0 differences$",
        r"^panic: the first process ended: signal 4 \(an invalid instruction\) has killed it$",
        r"^--- The kernel panicked", r"^status 125$")  # fmt: skip


def dying_shell(broken):
    text = in_window(broken, {"bin/sh": program(UD2)})
    return Case("init stops after five shells that end at once", text).has(
        r"^init: /bin/sh has ended 5 times .* with status 132: Illegal instruction; ",
        r"^the first process ended with status 132$", r"^--- The machine has ended with status 132",
        r"^status 132$").lacks(r"panic")  # fmt: skip


def shell_that_exits(broken):
    text = in_window(broken, {"bin/sh": program(EXIT_0)})
    return Case("init stops after five shells that exit with 0, and fails", text).has(
        r"^init: /bin/sh has ended 5 times .* with status 0; ", r"^status 1$")  # fmt: skip


def missing_shell(broken):
    text = in_window(broken, {"bin/sh": b"no program"})
    return Case("init stops if the shell is no program", text).has(
        r"^init: /bin/sh: ", r"^init: /bin/sh has ended 5 times .* with status 12\d; ",
        r"^status 12\d$")  # fmt: skip


def rank(name):
    """Returns the value of a lock's rank."""
    header = machine.TOOLS.parent / "include/arch/spinlock.h"
    return int(re.search(rf"{name} = (\d+)", header.read_text())[1])


def write_deadlock(broken, text):
    arrived = broken.symbols["ring"] + LOG_UNUSED
    broken.write_assembly(text, {"arrived": arrived, "vnode_rank": rank("RANK_VNODE"),
                                 "pipe_rank": rank("RANK_PIPE")})  # fmt: skip


def spinning_for_each_other(broken):
    write_deadlock(broken, TAKE_EACH_OTHERS)
    text = broken.run("audit & audit & audit & audit & wait", "--silence", str(3 * HUNG), cpus=2)
    lock = r"the lock 0x\w{16} \(RANK_PIPE\)"
    return Case("two CPUs that spin for each other's lock are a panic with their names", text).has(
        r"^this CPU spins for a lock: it may hang\nrule 7 of ",
        rf"^it spins for {lock}, held by CPU 0",
        rf"^it spins for {lock}, held by CPU 1", r"end of CPU 1's report",
        r"^#\d+ 0x\w+ spin_wait\+0x\w+ \(interrupted\)  kernel/arch/spinlock.c:\d+$",
        rf"^panic: deadlock: CPU (\d) spins for {lock}, held by CPU \d, which spins for {lock}, "
        r"held by CPU \1$", r"^rule 7 of docs/design.md: ",
    )  # fmt: skip


def spinning_for_the_dead(broken):
    write_deadlock(broken, TAKE_AND_STOP)
    text = broken.run("audit & audit & audit & audit & wait", "--silence", str(HUNG), cpus=2)
    return Case("a CPU that spins for the lock of a dead one says so, and shows both", text).has(
        r"^this CPU spins for a lock: it may hang$",
        r"^it spins for the lock 0x\w{16} \(RANK_PIPE\), held by CPU \d$",
        r"end of CPU 0's report", r"end of CPU 1's report", r"^#0 0x\w+ futex_requeue",
    ).lacks(r"^panic: deadlock")  # fmt: skip


def flush_unanswered(broken):
    broken.write_assembly(FLUSH, {}, [("shootdown_answer", RETURN)])
    text = broken.run("audit", "--silence", str(HUNG), cpus=2)
    return Case("a CPU that does not answer a request for a flush is named", text).has(
        r"^this CPU waits for other CPUs to flush translations: it may hang\nrule 6 of ",
        r"^it waits for CPU [01] to flush translations$",
        r"^#\d+ 0x\w+ tlb_flush_everywhere\+0x\w+  kernel/arch/tlb.c:\d+$",
        r"end of CPU 0's report", r"end of CPU 1's report").lacks(r"^panic")  # fmt: skip


def cpu_not_online(broken):
    broken.write("apic_init_other", SPIN_WITHOUT_INTERRUPTS)
    text = in_window(broken, {}, b"nproc; audit\n", cpus=3)
    return Case("a CPU that starts and does not come online is left out", text).has(
        r"^smp: the CPU with APIC number 1 has started and does not come online; ",
        r"^Pagoda: .*, 1 CPU,", r"^1$", r"^status 0$")  # fmt: skip


def sleeping_for_each_other(broken):
    write_deadlock(broken, SLEEP_FOR_EACH_OTHER)
    text = broken.run("audit & audit & wait", "--silence", str(HUNG))
    case = Case("of threads that sleep for each other's lock, the report shows where", text).has(
        r"^pid \d+ audit, asleep:$", rf"{TAKE_MUTEX}\+0x")  # fmt: skip
    if machine.setting("DEBUG", "") == "1":
        case.has(r"has waited for a lock for seconds: it may hang$",
                 r"^it waits for the lock 0x\w{16}:\npid \d+ audit, holds it:$")
    return case


CASES = [spinning_for_each_other, spinning_for_the_dead, sleeping_for_each_other,
         flush_unanswered, cpu_not_online,
         hung_with_interrupts_off, hung_with_the_console_locked, sleeping_for_ever,
         waiting_for_input, interrupted_at_terminal, asked_by_key, triple_fault, failed_assertion,
         nested_fault, killed_init, dying_shell, shell_that_exits, missing_shell]  # fmt: skip


def carry_out(case):
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        return case(Broken(directory))


def main():
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = [case.report() for case in pool.map(carry_out, CASES)]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
