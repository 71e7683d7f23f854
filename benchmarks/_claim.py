"""How a benchmark states a claim: one JSON line."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable


def claim(name: str, value: float, unit: str, goal: float, *, at_least: bool, against: str) -> None:
    """Print one claim; `met` compares the value with the goal."""
    met = value >= goal if at_least else value <= goal
    print(json.dumps({"name": name, "value": value, "unit": unit, "goal": goal, "met": met, "against": against}))


def median_time(work: Callable[[], object], repeats: int = 5) -> float:
    """Median wall time of `work` [s] after one run to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
