"""Which program is measured."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def masp(path):
    """The absolute path of the program: `path` if it was named, else a release build of this checkout."""
    if path:
        if not os.access(path, os.X_OK):
            raise SystemExit(f"{path} is no program; name a masp binary, or leave it out to build one")
        return Path(path).resolve()
    build = ["cargo", "build", "--release", "--message-format=json-render-diagnostics"]
    built = subprocess.run(build, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if built.returncode:
        raise SystemExit("cargo build --release failed; what it said stands above")
    for line in built.stdout.splitlines():
        artifact = json.loads(line)
        if artifact.get("executable") and artifact["target"]["name"] == "masp":
            return Path(artifact["executable"])
    raise SystemExit("cargo built no program named masp")


def version(binary, built):
    """`masp 0.1.0`, with this checkout's commit where the program was built from it and git tells it."""
    said = subprocess.run([binary, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    if not built:
        return said
    try:
        commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return said
    return f"{said} ({commit.stdout.strip()})" if commit.returncode == 0 else said
