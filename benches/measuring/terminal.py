"""A program in a pseudo-terminal, and what stands on its screen."""

import codecs
import fcntl
import os
import pty
import re
import signal
import struct
import termios
import threading
import time
import unicodedata

# Cursor position; other control sequences; strings up to their end; a character.
TOKEN = re.compile(
    r"\x1b\[(?P<place>\d*(?:;\d*)?)H|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]_P^X].*?(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|(?P<text>.)",
    re.DOTALL,
)
# A sequence that is not whole yet.
TORN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]_P^X](?:(?!\x1b\\)[^\x07])*|[ -/]*)?$", re.DOTALL)


class Screen:
    """The characters on the screen: enough of a terminal for a program that places its cursor itself."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.cells = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0
        self.rest, self.decoder = "", codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data):
        text = self.rest + self.decoder.decode(data)
        torn = TORN.search(text)
        self.rest = text[torn.start() :] if torn else ""
        for token in TOKEN.finditer(text[: torn.start()] if torn else text):
            if token["place"] is not None:
                row, _, column = token["place"].partition(";")
                self.row, self.column = int(row or 1) - 1, int(column or 1) - 1
            elif token["text"] and token["text"] >= " ":
                self.put(token["text"])

    def put(self, character):
        if self.row < self.rows and self.column < self.columns:
            self.cells[self.row][self.column] = character
        self.column += 2 if unicodedata.east_asian_width(character) in "WF" else 1

    def shows(self, words):
        return any(words in "".join(line) for line in self.cells)

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.cells)


class Terminal:
    """`argv` in a pseudo-terminal. A thread of its own reads what comes, so that the program never waits for us."""

    def __init__(self, argv, cwd, columns=120, rows=40, env=None):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            # The last one says that the background is dark: this terminal answers no questions.
            told = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLORFGBG": "15;0"}
            os.environ.update({**told, **(env or {})})
            # The size must stand before the program looks.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execv(argv[0], [str(word) for word in argv])
        self.received = 0
        self.chunks = []
        self.wake = threading.Condition()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while True:
            try:
                data = os.read(self.descriptor, 1 << 16)
            except OSError:
                data = b""
            now = time.perf_counter()
            with self.wake:
                self.received += len(data)
                self.chunks.append((now, data))
                self.wake.notify()
            if not data:
                return

    def type(self, keys):
        """The moment at which `keys` were typed."""
        now = time.perf_counter()
        os.write(self.descriptor, keys.encode())
        return now

    def take(self, timeout):
        """What came since the last call, as (moment, bytes); waits at most `timeout` seconds for it."""
        with self.wake:
            if not self.chunks:
                self.wake.wait(timeout)
            taken, self.chunks = self.chunks, []
        if taken and not taken[-1][1]:
            raise SystemExit("the program left its terminal before it was asked to")
        return taken

    def discard(self):
        with self.wake:
            self.chunks = []

    def end(self, keys=None, seconds=60):
        """Leaves by `keys`, or by SIGTERM, which makes a run write a checkpoint and stop; the program's exit status."""
        if keys:
            self.type(keys)
        else:
            os.kill(self.pid, signal.SIGTERM)
        by = time.perf_counter() + seconds
        while time.perf_counter() < by:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.thread.join()
                os.close(self.descriptor)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise SystemExit(f"the program did not leave within {seconds} s")
