"""The keyboard of our own terminal, while its keys go to a machine."""

import os
import signal
import termios


def is_foreground():
    """Returns true if our standard input is a terminal, and its keys are ours."""
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


class Keys:
    """A context in which keys arrive at once and are not echoed, if the terminal is ours.

    With has_signals, Ctrl-C and its like still act on us and not on the machine."""

    def __init__(self, allowed, has_signals=True):
        self.is_raw = allowed and is_foreground()
        self.has_signals = has_signals

    def make_raw(self, *_):
        modes = termios.tcgetattr(0)
        modes[0] &= ~(termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP
                      | termios.INLCR | termios.IGNCR | termios.ICRNL | termios.IXON)  # fmt: skip
        modes[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.IEXTEN)
        if not self.has_signals:
            modes[3] &= ~termios.ISIG
        modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
        termios.tcsetattr(0, termios.TCSANOW, modes)

    def __enter__(self):
        if self.is_raw:
            self.before = termios.tcgetattr(0)
            self.make_raw()
            signal.signal(signal.SIGCONT, self.make_raw)
        return self

    def __exit__(self, *_):
        if self.is_raw:
            signal.signal(signal.SIGCONT, signal.SIG_DFL)
            termios.tcsetattr(0, termios.TCSADRAIN, self.before)
