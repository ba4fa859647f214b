"""Retry what is not ready, for a limited time, and show the reason."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from lambda_deploy.errors import NotReadyError

_T = TypeVar("_T")
_STEPS: Final = (1, 2, 4, 8)
_LONGEST_STEP: Final = 10


@dataclass(frozen=True)
class Wait:
    """How long to wait at most (seconds), the clock, and where to report."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    say: Callable[[str], None]
    seconds: float = 300

    def until(self, attempt: Callable[[], _T], what: str) -> _T:
        """Return the result of the first attempt that does not raise NotReadyError.

        Raises NotReadyError, with the waiting time, when the time is over.
        """
        started = self.clock()
        steps = iter(_STEPS)
        while True:
            try:
                return attempt()
            except NotReadyError as error:
                waited = self.clock() - started
                if waited >= self.seconds:
                    raise NotReadyError(
                        f"{error}: no change after {waited:.0f} s; run the same command again to continue", error.code
                    ) from error
                self.say(f"waiting for {what} ({waited:.0f} s): {error}")
                self.sleep(min(next(steps, _LONGEST_STEP), self.seconds - waited))
