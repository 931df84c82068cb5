"""A program run to its end: what it printed and when, how long it took, and its peak memory."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass


@dataclass
class Finished:
    # Standard output: seconds since the start, and the line.
    lines: list
    seconds: float
    # Largest resident set of the process itself, in MiB.
    peak_mib: float
    # The wall clock at the start, in seconds since the epoch.
    began: float


def run(argv, cwd=None, env=None, until=None):
    """Runs `argv`. With `until`, the program is asked to stop (SIGTERM) as soon as `until()` holds.

    Ends this program with a sentence if it fails.
    """
    argv = [str(word) for word in argv]
    with tempfile.TemporaryFile("w+") as errors:
        began, start = time.time(), time.perf_counter()
        child = subprocess.Popen(
            argv, cwd=cwd, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        if until:
            while not until() and os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                time.sleep(0.01)
            os.kill(child.pid, signal.SIGTERM)
        lines = [(time.perf_counter() - start, line.rstrip("\n")) for line in child.stdout]
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stdout.close()
        if child.returncode:
            errors.seek(0)
            sys.stderr.write(errors.read()[-4000:])
            raise SystemExit(f"failed with status {child.returncode}: {' '.join(argv)}")
    # Kibibytes on Linux.
    return Finished(lines, seconds, usage.ru_maxrss / 1024, began)
