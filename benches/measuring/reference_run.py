"""The reference's turns: what `benches/against_reference` says of the program that it takes."""

import json
import subprocess
from dataclasses import dataclass

from . import child, gpu_memory

PACKAGES = ["torch", "transformers"]


@dataclass
class Ran:
    rate: float
    peak_mib: float
    # Images a second whose labels were scored, where the program times that too.
    labels: float | None = None


class Reference:
    def __init__(self, a):
        self.python, self.cuda = a.python, a.device == "cuda"
        self.steps, self.batch = a.steps, getattr(a, "reference_batch", 0)
        dtype = {"f32": "fp32", "bf16": "bf16"}[a.dtype]
        self.argv = [a.python, a.reference, "--model", a.model, "--images", a.model / "images", "--device", a.device]
        self.argv += ["--dtype", dtype, "--checkpointing", a.checkpointing, "--threads", a.threads]
        self.argv += ["--new-tokens", a.new_tokens]
        self.argv += ["--batch", self.batch, "--cached"] if self.batch else []

    def run(self, stage):
        """Samples a second (median of the steps) and the process's peak memory."""
        argv = [*self.argv, "--stage", stage, "--steps", self.steps, "--warmup", 3]
        if self.cuda:
            with gpu_memory.Watch() as watch:
                done = child.run(argv)
            peak = watch.peak_mib
        else:
            done = child.run(argv)
            peak = done.peak_mib
        said = [json.loads(line[5:]) for _, line in done.lines if line.startswith("JSON ")]
        rates = {result["what"]: result["samples_per_s"] for said in said for result in said["results"]}
        if stage not in rates:
            raise SystemExit(f"{self.argv[1]} printed no result of the stage {stage}")
        return Ran(rates[stage], peak, rates.get("labels"))

    def first_step(self, stage):
        """Seconds from the program's start until it has made one step."""
        done = child.run([*self.argv, "--stage", stage, "--steps", 1, "--warmup", 0])
        return next(moment for moment, line in done.lines if line.startswith(stage))

    def versions(self):
        ask = "import importlib.metadata as m, sys; print(', '.join(f'{p} {m.version(p)}' for p in sys.argv[1:]))"
        told = subprocess.run([self.python, "-c", ask, *PACKAGES], stdout=subprocess.PIPE, text=True, check=True)
        return told.stdout.strip()
