"""Time as a number that a test sets."""

from dataclasses import dataclass, field


@dataclass
class Clock:
    """Seconds since the epoch; they advance with `sleep`, or when `now` is set."""

    now: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Return at once; the time has advanced."""
        self.slept.append(seconds)
        self.now += seconds
