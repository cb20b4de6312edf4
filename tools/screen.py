"""The screen and the keyboard of a machine, through QEMU's monitor.

In text mode the screen is read from the VGA's memory; otherwise the picture is compared with the
font that the kernel draws with. A screen is a list of rows, and a row is a list of cells
(character, colour). A character that matches no glyph is None."""

import socket
import struct
import time

import machine

FONT = machine.BUILD / "font.psf"
GLYPH_WIDTH, GLYPH_HEIGHT = 8, 16
FONT_HEADER = 4

TEXT_ADDRESS, TEXT_ROWS, TEXT_COLUMNS = 0xB8000, 25, 80

# The key, with Shift or without, that makes a character. Letters and digits name their own keys.
KEYS = {" ": "spc", "\n": "ret", "!": "shift-1", "/": "slash", ".": "dot", "-": "minus",
        "\b": "backspace"}  # fmt: skip


class Monitor:
    """QEMU's monitor, on a socket that QEMU makes if it is started with `arguments`."""

    def __init__(self, directory):
        self.path = directory / "monitor"
        self.file = directory / "picture"
        self.arguments = ["-monitor", f"unix:{self.path},server=on,wait=off"]
        self.link = None

    def run(self, command):
        """Runs a command, and waits for the next prompt."""
        if not self.link:
            self.link = socket.socket(socket.AF_UNIX)
            self.link.connect(str(self.path))
            self.read_to_prompt()
        self.link.sendall(command.encode() + b"\n")
        self.read_to_prompt()

    def read_to_prompt(self):
        text = b""
        while not text.endswith(b"(qemu) "):
            text += self.link.recv(65536)

    def press(self, key):
        self.run(f"sendkey {key}")

    def press_for(self, character):
        name = "shift-" + character.lower() if character.isupper() else character
        self.press(KEYS.get(character, name))

    def read_text(self):
        self.run(f'pmemsave {TEXT_ADDRESS:#x} {2 * TEXT_ROWS * TEXT_COLUMNS} "{self.file}"')
        memory = self.file.read_bytes()
        cells = [(chr(memory[i]), memory[i + 1] & 15) for i in range(0, len(memory), 2)]
        return [cells[i : i + TEXT_COLUMNS] for i in range(0, len(cells), TEXT_COLUMNS)]

    def read_picture(self):
        self.run(f'screendump "{self.file}"')
        picture = Picture(self.file.read_bytes())
        return [[picture.cell(row, column) for column in range(picture.width // GLYPH_WIDTH)]
                for row in range(picture.height // GLYPH_HEIGHT)]


class Picture:
    """A screenshot in the format PPM."""

    def __init__(self, data):
        words = data.split(maxsplit=4)
        self.width, self.height = int(words[1]), int(words[2])
        self.pixels = data[-self.width * self.height * 3 :]
        font = FONT.read_bytes()
        self.characters = {}
        for code in range(ord(" "), ord("~") + 1):
            glyph = font[FONT_HEADER + code * GLYPH_HEIGHT :][:GLYPH_HEIGHT]
            self.characters[glyph] = chr(code)

    def line(self, x, y):
        """Returns the colours of the 8 pixels from (x, y) on."""
        at = (y * self.width + x) * 3
        return list(struct.iter_unpack("BBB", self.pixels[at : at + GLYPH_WIDTH * 3]))

    def cell(self, row, column):
        """Returns the cell (character, colour) at a place.

        In all glyphs, the first pixel of the top row has the colour of the background."""
        left, top = column * GLYPH_WIDTH, row * GLYPH_HEIGHT
        lines = [self.line(left, top + y) for y in range(GLYPH_HEIGHT)]
        back = lines[0][0]
        front = next((pixel for line in lines for pixel in line if pixel != back), None)
        bits = [[x for x, pixel in enumerate(line) if pixel != back] for line in lines]
        glyph = bytes(sum(0x80 >> x for x in line) for line in bits)
        return self.characters.get(glyph), front


def text_of(screen):
    """Returns the rows as text, without blanks at their ends. An unknown glyph is "\\ufffd"."""
    return ["".join(character or "\ufffd" for character, _ in row).rstrip() for row in screen]


def colours_of(screen, word):
    """Returns the colours of `word` in the first row that begins with it."""
    for row, text in zip(screen, text_of(screen)):
        if text.startswith(word):
            return {colour for _, colour in row[: len(word)]}
    return set()


def wait_for(condition, seconds=300):
    """Waits until the condition is true, because output appears on the screen with a delay.

    Returns its last value: false if the time was up."""
    end = time.monotonic() + seconds
    while not (true := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return true
