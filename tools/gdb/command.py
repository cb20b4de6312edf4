"""The commands: what all of them share.

A subclass's docstring is its help, whose first line begins with how the command is typed."""

import gdb
import kernel


class Command(gdb.Command):
    """A command with its own name, arguments and completion."""

    name = ""
    least, most = 0, 0  # arguments
    starts_machine = False  # it does not need one that runs

    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_DATA)

    def invoke(self, text, from_tty):
        words = gdb.string_to_argv(text)
        if not self.least <= len(words) <= self.most:
            usage = self.__doc__.partition("\n")[0]
            raise gdb.GdbError(f"{self.name}: {usage}")
        if not self.starts_machine and not gdb.selected_thread():
            raise gdb.GdbError("no machine runs: make debug starts one")
        try:
            self.run(*words)
        except gdb.error as error:  # as when no machine runs
            raise gdb.GdbError(str(error))

    def complete(self, text, word):
        """Returns what may stand for the last word."""
        before = text[: len(text) - len(word)].split()
        return [each for each in self.choices(before) if each.startswith(word)]

    def choices(self, before):
        """Returns the words that may follow those before."""
        return []

    def run(self, *words):
        raise NotImplementedError


def pid_choices():
    """Returns the numbers of all processes, as words."""
    import processes

    try:
        return [str(int(process["pid"])) for process in processes.each()]
    except (gdb.error, gdb.GdbError):
        return []


def count_text(count, what):
    """Returns "1 page", "2 pages"."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def is_kernel(address):
    return kernel.unsigned(address) >= 1 << 63
