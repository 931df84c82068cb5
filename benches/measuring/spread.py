"""Medians, percentiles, and ratios of turns taken in one run."""

import math
import statistics


def percentile(values, share):
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1]


def ratio(ours, reference):
    """The ratio of the medians, and the smallest and the largest ratio of a turn."""
    turns = [a / b for a, b in zip(ours, reference, strict=True)]
    return statistics.median(ours) / statistics.median(reference), min(turns), max(turns)


def number(value):
    """Three digits that count, or all of a large number."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if value >= 10 else 2 if value >= 1 else 3}f}"


def table(head, rows):
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
