#!/usr/bin/env python3
"""Plays a person at the terminal:  session.py [-s SEED] [-n STEPS | -t SECONDS]

The person types, mistypes, pastes, edits lines, pipes, starts, stops and ends jobs, and presses
Ctrl-C, Ctrl-Z, Ctrl-D and Ctrl-\\ at odd moments. The seed is printed; without -n and -t there
are 100 steps. Prints TAP lines.

After each step the first shell must show its prompt again. At the end of a round of steps, all
jobs are ended, and a new shell replaces the first. Then the audit must be clean, and the memory,
page tables, kernel stacks and processes in use must be as many as after the first round. Each
wait is for an answer; only the odd moments are random times."""

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine
import places
from terminal import BOOT_SECONDS, Terminal

ROUND = 25  # steps
ORDERLY_END = 33  # the status of QEMU with isa-debug-exit (kernel/arch/power.c)
SHELL_SECONDS = 1.1  # a shell that lived that long is no failed one (user/init.c)
STEP_SECONDS, TRY_SECONDS = 300, 3  # a try that had no answer is followed by a longer one
ODD_MOMENT_SECONDS = 0.05  # the longest pause before an odd key

CTRL_C, CTRL_D, CTRL_Z, CTRL_BACKSLASH = "\x03", "\x04", "\x1a", "\x1c"
CTRL_A, CTRL_E, CTRL_K, CTRL_U, CTRL_W = "\x01", "\x05", "\x0b", "\x15", "\x17"
UP, DOWN, RIGHT, LEFT = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
HOME, END, DELETE, BACKSPACE, TAB = "\x1b[H", "\x1b[F", "\x1b[3~", "\x7f", "\t"
SIGNAL_KEYS = [CTRL_C, CTRL_Z, CTRL_D, CTRL_BACKSLASH]
EDIT_KEYS = [CTRL_A, CTRL_E, CTRL_K, CTRL_U, CTRL_W, UP, DOWN, RIGHT, LEFT, HOME, END, DELETE,
             BACKSPACE, TAB]  # fmt: skip

# Programs that would end the session, or run too long.
NOT_TO_BE_RUN = {"halt", "init", "vmbench"}

ARGUMENTS = {
    "audit": [""],
    "cat": ["/README", "-", "/proc/self/maps /proc/vmstat", "/nowhere", "/dev/zero | cat | wc",
            "< /README", "/"],
    "cp": ["/README /tmp/copy", "-r /bin /tmp/bin", "/README /README", "/nowhere /tmp",
           "/proc/self/maps /tmp"],
    "crash": ["", "null", "stack", "privileged", "nothing", "text | cat"],
    "df": ["", "/tmp /dev", "/nowhere"],
    "dmesg": ["| wc", ""],
    "echo": ["a b c", "$? $$ $HOME", "'a  b' \"$PATH\" *", "> /tmp/echoed"],
    "grep": ["a /README", "-c e /README", "x", "-n the < /README"],
    "head": ["-n 3 /README", "-c 100 /dev/urandom | wc -c", "/nowhere",
             "-q -n 1 /README /proc/self/maps"],
    "hexdump": ["-C /bin/true | wc", "-n 64 -C /dev/urandom", "/nowhere", "< /README"],
    "kill": ["-0 1", "99999", "-l", "%1", "-STOP 99999", "-STOP $$"],
    "ln": ["/README /tmp/name", "-s /README /tmp/way", "-sf /nowhere /tmp/way", "/bin /tmp", ""],
    "ls": ["-la /", "/bin /dev /proc /tmp", "-l /proc/self /nowhere", "| wc"],
    "maps": ["", "1", "99999"],
    "mkdir": ["/tmp/d", "-p /tmp/a/b/c", "/tmp", "/proc/x"],
    "mkfifo": ["/tmp/fifo", "/tmp /nowhere/x", "-x", ""],
    "mount": ["", "/dev/null /tmp", "-r /nowhere /tmp", "-x"],
    "mv": ["/tmp/echoed /tmp/moved", "/tmp/copy /tmp/d", "/nowhere /tmp", "/tmp /tmp/a"],
    "resize": ["", "24 80", "x"],
    "rm": ["/tmp/echoed", "-rf /tmp/a /tmp/d", "/tmp", "-r /dev/null/x"],
    "rmdir": ["/tmp/d", "/tmp/a /nowhere", "/README", ""],
    "run-limited": ["-s 40 ls", "-v 1000 ls", "-d 64 -n 8 cat /README", "-t 1 cat /dev/zero | wc",
                    "-s x ls", "ls"],
    "sh": ["-c 'echo $$; sleep 0'", "/README", "-c 'kill -SEGV $$'", "-c 'kill -STOP $$'",
           "-c 'cat | cat'"],
    "sleep": ["0", "1000", "0.01", "x"],
    "stat": ["/README /tmp", "-L /proc/self", "/nowhere"],
    "strace": ["ls", "-f sh -c 'ls | wc'", "-c ls > /dev/null", "-p 1", "-p $$", "-q -p 99999",
               "/nowhere", "-f -o /tmp/trace sh -c 'sleep 1000'", "sh -c 'kill -STOP $$'",
               "-f sh -c 'kill -SEGV $$'"],
    "sync": ["", "x"],
    "touch": ["/tmp/new /README", "/nowhere/x /proc/x", ""],
    "umount": ["", "/", "/proc", "/tmp", "-x"],
    "top": ["", "-b -n 1", "-d 0.01 -o mem"],
    "uptime": [""],
    "nproc": ["", "--all"],
    "vmstat": ["", "1", "-s"],
    "wc": ["/README", "-l", "/bin/*"],
}  # fmt: skip

# Commands that run until a key or a signal ends them.
ENDLESS = [
    "cat", "sleep 1000", "sh", "cat /dev/zero | wc", "cat /dev/zero | cat | cat > /dev/null",
    "cat | cat | wc", "(sleep 1000; echo late)", "sh -c 'sleep 1000'", "sh -c 'cat; cat'",
    "sh -c 'sh -c cat'", "sleep 1000 | cat", "cat /README /README | cat | sleep 1000",
    "sh -c 'sleep 1000 & wait'", "wait", "grep a", "top", "vmstat 1", "strace sleep 1000",
    "strace -f sh -c 'cat | cat'", "strace -p $$", "strace -f -p 1", "strace -c cat /dev/zero | wc",
    "strace strace sleep 1000", "run-limited -s 40 cat",
]  # fmt: skip

# Commands that do much in little time; background() takes the first six.
BUSY = [
    "ls -la /bin /dev /proc", "cat /README /README | cat | cat | wc",
    "sh -c 'sh -c \"sh -c true\"'", "ps; ps; ps", "cat /proc/*/maps | wc",
    "true | true | true | true", "cat /bin/* > /tmp/all; rm /tmp/all", "maps; free",
    "(((true; true) | true) && ls) > /tmp/out", "cat /README", "true && true || false; false; true",
    "ehco x", "true & true & true & true &", "echo $(x", "echo 'unclosed", "cat < /nowhere",
    "ls > /proc/x", "| |", "fg", "bg", "cp -r /bin /tmp/bin; rm -r /tmp/bin",
    "strace -f sh -c 'ls | wc'", "strace -f sh -c 'sh -c true & wait'",
]  # fmt: skip


class Failure(Exception):
    pass


class Session:
    """A terminal, the random choices of its user, and the state after the first round."""

    def __init__(self, terminal, seed):
        self.terminal, self.random = terminal, random.Random(seed)
        self.type = terminal.type
        self.marks = 0
        self.baseline = None
        self.shell = None  # the number of the first shell
        programs = {path.name for path in (machine.BUILD / "root/bin").iterdir()}
        self.programs = sorted(programs - NOT_TO_BE_RUN)

    # ---- Asking the shell ----

    def ask(self, command, seconds=STEP_SECONDS):
        """Types a command at the prompt. Returns its output, or None without an answer."""
        self.marks += 1
        separator = " " if command.endswith("&") else "; "
        self.type(f"{command}{separator}echo e'nd' {self.marks}\n")
        answered = self.terminal.expect(rf"(?s)\n(.*?)end {self.marks}(?!\d).*?\$ ", seconds)
        return self.terminal.number if answered else None

    def must_answer(self, command):
        answer = self.ask(command)
        if answer is None:
            raise Failure(f"no answer to: {command}")
        return answer

    def shell_and_parent(self, seconds):
        """Returns the number of the shell that answers and its parent's, or Nones if none does."""
        answer = self.ask("grep Pid /proc/$$/status", seconds)
        found = re.search(r"\bPid:\s*(\d+)(?s:.*)PPid:\s*(\d+)", answer or "")
        return (int(found[1]), int(found[2])) if found else (None, None)

    def let_live(self, shell):
        """Lets a new shell of init live long enough.

        If five in a row end sooner, init gives up. A session ends several within a second."""
        if shell != self.shell:
            time.sleep(SHELL_SECONDS)
        self.shell = shell

    def settle(self):
        """Brings back the prompt of the first shell, whatever runs in the foreground."""
        end = time.monotonic() + STEP_SECONDS
        keys = [CTRL_C, CTRL_C, CTRL_BACKSLASH, CTRL_C, CTRL_Z, CTRL_D]
        seconds = TRY_SECONDS
        while time.monotonic() < end and self.terminal.process.poll() is None:
            self.type(keys[0])
            self.terminal.expect_prompt(seconds)
            shell, parent = self.shell_and_parent(seconds)
            if parent == 1:
                self.let_live(shell)
                return
            if parent:
                self.type("exit; exit\n")  # a shell with stopped jobs needs the second
            else:
                keys = keys[1:] + keys[:1]
                seconds *= 1.3
        raise Failure("the prompt of the first shell does not come back")

    def pause(self):
        """Waits until an odd moment."""
        time.sleep(self.random.uniform(0, ODD_MOMENT_SECONDS))

    # ---- Steps; each returns a description of what it did ----

    def run_program(self):
        name = self.random.choice(self.programs)
        arguments = ARGUMENTS.get(name, ["", "--no-such-option", "< /dev/null"])
        command = f"{name} {self.random.choice(arguments)}"
        self.type(command + "\n")
        self.pause()
        return command

    def pipe_and_redirect(self):
        words = self.random.randint(1, 30)
        text = " ".join(str(self.random.randint(0, 99)) for _ in range(words))
        command = f"echo {text} > /tmp/words; cat < /tmp/words | cat | wc -w; rm /tmp/words"
        if not re.search(rf"\b{words}\b", self.must_answer(command)):
            raise Failure(f"the answer is not {words}: {command}")
        return command

    def edit_line(self):
        """Types a line with mistakes, corrects them, and checks the line that results."""
        mistakes = ["", "", "", "x" + BACKSPACE, f"x{LEFT}{DELETE}", LEFT + RIGHT, UP + DOWN,
                    HOME + END, f"yz{BACKSPACE * 2}", f"{CTRL_A}x{BACKSPACE}{CTRL_E}"]  # fmt: skip
        word = "".join(self.random.choice("abcdefgijk") for _ in range(self.random.randint(3, 30)))
        keys = ""
        for letter in f"echo {word}":
            keys += self.random.choice(mistakes) + letter
        self.type(keys + "\n")
        if not self.terminal.expect(rf"\n{word}\r\n"):
            raise Failure(f"the edited line does not print {word}")
        return f"edits a line that prints {word}"

    def repeat_from_history(self):
        self.must_answer("echo from history")
        self.type("x" * self.random.randint(0, 5) + UP + "\n")
        # A job in the background may print something in between.
        if not self.terminal.expect(rf"(?s)\nfrom history\r\n.*?end {self.marks}\r\n"):
            raise Failure("the history does not bring the previous line back")
        return "takes a line from the history"

    def edit_at_random(self):
        keys = [self.random.choice(EDIT_KEYS + list("abcdefgijk /.|&;><\"' ")) for _ in range(60)]
        self.type("".join(keys))
        self.pause()
        self.type(self.random.choice([CTRL_U + CTRL_K, CTRL_C, CTRL_Z, CTRL_BACKSLASH]))
        return "presses keys at random: " + repr("".join(keys))

    def paste(self):
        """Types several lines at once, faster than the shell can run them."""
        first = self.random.randint(1000, 9000)
        lines = [f"echo past'ed' {first + n}\n" for n in range(self.random.randint(2, 12))]
        self.type("".join(lines))
        for n in range(len(lines)):
            if not self.terminal.expect(rf"pasted {first + n}(?!\d)"):
                raise Failure(f"line {n + 1} of {len(lines)} pasted lines is lost")
        return f"pastes {len(lines)} lines"

    def long_line(self):
        length = self.random.randint(100, 900)
        if not re.search(rf"\b{length + 1}\b", self.must_answer(f"echo {'x' * length} | wc -c")):
            raise Failure(f"a word of {length} bytes does not arrive")
        return f"types a word of {length} bytes"

    def control_jobs(self):
        """Starts a job, stops it, may continue it, and ends it."""
        self.type("sh -c 'echo 'rea'dy; cat'\n")
        if not self.terminal.expect(r"\nready\r\n"):
            raise Failure("the job does not begin")
        self.type(CTRL_Z)
        if not self.terminal.expect(r"\[(\d+)\] Stopped +sh "):
            raise Failure("the job does not stop")
        number = self.terminal.number
        self.must_answer("jobs")
        self.must_answer(self.random.choice([f"bg %{number}", "bg", "jobs"]))
        self.must_answer(f"kill -KILL %{number}")
        return f"stops and ends job {number}"

    def background(self):
        late, traced = "(sleep 0.02; echo background)", "strace -o /tmp/trace sleep 1000"
        command = self.random.choice([*BUSY[:6], "sleep 1000", "cat", late, traced])
        self.type(command + " &\n")
        if self.random.random() < 0.5:
            self.must_answer(self.random.choice(["jobs", "ps | wc", "true", "cat /README | wc"]))
        return command + " &"

    def odd_moments(self):
        """Presses keys that send signals, while a command starts, runs or ends."""
        command = self.random.choice(ENDLESS + BUSY)
        keys = [self.random.choice(SIGNAL_KEYS) for _ in range(self.random.randint(1, 4))]
        self.type(command + "\n")
        for key in keys:
            self.pause()
            self.type(key)
        if self.random.random() < 0.3:
            self.type(self.random.choice(["fg\n", "bg\n", "jobs\n"]))
            self.pause()
            self.type(self.random.choice(SIGNAL_KEYS))
        return f"{command} {keys!r}"

    def nested_shell(self):
        depth = self.random.randint(1, 4)
        for _ in range(depth):
            self.must_answer("true")
            self.type("sh\n")
        self.must_answer("echo in the innermost")
        if self.random.random() < 0.5:
            self.must_answer("sleep 1000 &")
        self.type(CTRL_D if self.random.random() < 0.5 else "exit\n")
        return f"{depth} shells inside each other"

    def new_shell(self):
        self.type(CTRL_D)
        return "ends the shell"

    STEPS = [run_program] * 4 + [odd_moments] * 6 + [background] * 2 + [
        pipe_and_redirect, edit_line, repeat_from_history, edit_at_random, paste, long_line,
        control_jobs, nested_shell, new_shell,
    ]  # fmt: skip

    # ---- Rounds ----

    def processes(self):
        """Returns the numbers of all processes except init, the shell and its ps.

        Returns None if a program has written into the middle of the answer."""
        answer = self.must_answer("echo shell $$; ps")
        shell = re.search(r"\bshell (\d+)\s", answer)
        rows = re.findall(r"(\d+) +(\d+) +[RSDTZt] +\d+ +(\S+)\r?\n", answer)
        if not shell or not {"1", shell[1]} <= {number for number, _, _ in rows}:
            return None
        asked = max((int(number) for number, parent, name in rows
                     if (parent, name) == (shell[1], "ps")), default=0)  # fmt: skip
        return sorted({number for number, _, _ in rows} - {"1", shell[1], str(asked)})

    def end_processes(self):
        end = time.monotonic() + STEP_SECONDS
        while (found := self.processes()) != []:
            if time.monotonic() > end:
                raise Failure(f"these processes survive kill -KILL: {found}")
            self.must_answer(f"kill -KILL {' '.join(found)}" if found else "true")

    def usage(self):
        """Returns what is in use. The flushes of the TLB are counted, too, but only ever grow."""
        counts = dict(re.findall(r"(nr_\w+) (\d+)", self.must_answer("cat /proc/vmstat")))
        for varying in ("nr_free_pages", "nr_heap_pages"):
            counts.pop(varying, None)
        return {key: int(value) for key, value in counts.items() if not key.startswith("nr_tlb_")}

    def check_usage(self):
        """Checks that as much is in use as after the first round.

        Of two processes that share a page, the first to write copies it. The order varies, and with
        it the count, so the check is repeated. The first round is compared with itself."""
        if self.baseline is None:
            self.baseline = self.usage()
        for _ in range(30):
            usage = self.usage()
            if usage == self.baseline:
                return
        changes = {key: value - self.baseline[key] for key, value in usage.items()}
        changes = {key: change for key, change in changes.items() if change}
        raise Failure(f"the use of memory has changed since the first round: {changes}")

    def end_round(self):
        self.settle()
        self.must_answer("cd /; rm -rf /tmp/*")
        self.end_processes()
        self.type("exit\n")
        self.settle()
        self.end_processes()
        if "0 differences" not in self.must_answer("audit"):
            raise Failure("the audit has found a difference: see dmesg")
        self.usage()
        self.check_usage()

    def step(self):
        step = self.random.choice(self.STEPS)
        self.doing = step.__name__
        self.doing = f"{step.__name__}: {step(self)}"
        self.settle()


def session(terminal, seed, may_go_on):
    """Plays the rounds. Yields (what must be true, whether it is)."""
    user = Session(terminal, seed)
    steps = 0
    try:
        if not terminal.expect_prompt(BOOT_SECONDS):
            raise Failure("the first prompt does not come")
        while steps == 0 or may_go_on(steps):
            for _ in range(ROUND):
                user.step()
                steps += 1
            user.doing = "the end of the round"
            user.end_round()
    except (Failure, BrokenPipeError) as failure:
        yield f"seed {seed}, step {steps + 1} ({user.doing}): {failure}", False
    yield f"a session of {steps} steps, seed {seed}", True
    terminal.type("halt\n")
    yield "halt ends the machine", terminal.status() == ORDERLY_END


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-s", "--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("-n", "--steps", type=int)
    parser.add_argument("-t", "--seconds", type=float)
    options = parser.parse_args()
    end = time.monotonic() + (options.seconds or 0)

    def may_go_on(steps):
        return time.monotonic() < end if options.seconds else steps < (options.steps or 100)

    print(f"# seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        initrd, log = Path(directory) / "initrd", Path(directory) / "log"
        initrd.write_bytes(machine.initrd({}))
        terminal = Terminal(machine.qemu(
            "-kernel", machine.KERNEL, "-initrd", initrd, "-append", "quiet", "-serial", "stdio",
            "-monitor", "none", "-debugcon", f"file:{log}",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-no-reboot",
        ))  # fmt: skip
        try:
            for what, happened in session(terminal, options.seed, may_go_on):
                print(f"{'ok' if happened else 'not ok'} - {what}", flush=True)
                if not happened:
                    messages = places.annotate(log.read_text(errors="replace"))
                    print("".join(f"# {line}\n" for line in terminal.seen.splitlines()[-24:]))
                    print("".join(f"# {line}\n" for line in messages.splitlines()[-10:]))
                    sys.exit(1)
        finally:
            terminal.process.terminate()
            terminal.process.wait()


if __name__ == "__main__":
    main()
