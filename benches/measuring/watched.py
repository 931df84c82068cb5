"""A program in a pseudo-terminal whose screen is looked at: how soon what is waited for stands there."""

import time

from measuring.terminal import Screen, Terminal

# A key, and words that stand on the screen after it (False: no longer): in the last row, which comes last.
KEYS = [("?", "esc close", True), ("\x1b", "esc close", False), ("2", "/ filter", True), ("1", "/ filter", False)]
PATIENCE = 5


class Watched:
    """A terminal with its screen."""

    def __init__(self, argv, work):
        self.terminal, self.screen = Terminal(argv, work), Screen(120, 40)

    def until(self, holds, patience):
        """The moment at which the output came that made `holds` true."""
        end = time.perf_counter() + patience
        while time.perf_counter() < end:
            came = None
            # All that was taken is fed, for what is left out here would be missing on the screen for good.
            for moment, data in self.terminal.take(0.5):
                self.screen.feed(data)
                if came is None and holds(self.screen):
                    came = moment
            if came is not None:
                return came
        raise SystemExit(f"what was waited for never came; the screen shows\n{self.screen.text()}")

    def presses(self, keys, count, rng):
        """Seconds from each key to its answer; the keys are typed in turn."""
        answered = []
        for press in range(count):
            key, words, there = keys[press % len(keys)]
            # At no fixed moment of a step or a frame.
            end = time.perf_counter() + rng.uniform(0.1, 0.4)
            while (left := end - time.perf_counter()) > 0:
                for _, data in self.terminal.take(left):
                    self.screen.feed(data)
            typed = self.terminal.type(key)
            answered.append(self.until(lambda screen: screen.shows(words) == there, PATIENCE) - typed)
        return answered
