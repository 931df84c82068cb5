"""What the figures were measured on."""

import datetime
import os
import subprocess
from pathlib import Path


def described(device, threads=None):
    """For a heading: the date, and the processor or the graphics card."""
    if device == "cuda":
        ask = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        name = subprocess.run(ask, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[0].strip()
        return f"{datetime.date.today()}, {name}"
    cpus = Path("/proc/cpuinfo").read_text()
    models = [line.split(":", 1)[1].strip() for line in cpus.splitlines() if line.startswith("model name")]
    cores = threads or len(os.sched_getaffinity(0))
    return f"{datetime.date.today()}, {cores} threads on {models[0] if models else os.uname().machine}"
