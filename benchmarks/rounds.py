"""Run contenders in turns: each round runs every contender, so that a slow moment of the machine affects all of them.

The best of a contender's rounds counts: noise only adds time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Contender:
    """A measured contender: `run` is timed, `prepare` before it is not."""

    name: str
    run: Callable[[], object]
    prepare: Callable[[], object] = lambda: None


def in_turns(
    contenders: Sequence[Contender],
    rounds: int,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Return the seconds of each contender's rounds, by name; pass each result to `say`."""
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(1, rounds + 1):
        for contender in contenders:
            contender.prepare()
            started = clock()
            contender.run()
            seconds[contender.name].append(clock() - started)
            say(f"round {number} of {rounds}: {contender.name} {seconds[contender.name][-1]:.2f} s")
    return seconds


def best(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the best round of each contender that has one."""
    return {name: min(rounds) for name, rounds in seconds.items() if rounds}
