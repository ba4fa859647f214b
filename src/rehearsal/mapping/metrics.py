"""What CloudWatch would count, by AWS's names.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html. A metric that was never emitted has no
entry, and an empty poll emits PolledEventCount 0.
"""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Metrics:
    """Sums since the start; ages are in milliseconds."""

    counts: Counter[str] = field(default_factory=Counter)
    iterator_age: float | None = None
    """IteratorAge of the last invocation: how old the last record of its event was when it was sent."""
    greatest_iterator_age: float | None = None

    def add(self, name: str, number: int) -> None:
        """Emits a metric, 0 too."""
        self.counts[name] += number

    def age(self, milliseconds: float) -> None:
        """Emits IteratorAge."""
        self.iterator_age = milliseconds
        self.greatest_iterator_age = max(milliseconds, self.greatest_iterator_age or 0.0)
