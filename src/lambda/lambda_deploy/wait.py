"""What is not ready is tried again, a bounded time, and whoever waits sees why."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from lambda_deploy.errors import NotReadyError

_T = TypeVar("_T")
_STEPS: Final = (1, 2, 4, 8)
_LONGEST_STEP: Final = 10


@dataclass(frozen=True)
class Wait:
    """How long to wait at most (seconds), by which clock, and how to say so."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    say: Callable[[str], None]
    seconds: float = 300

    def until(self, attempt: Callable[[], _T], what: str) -> _T:
        """Return the result of the first attempt that does not raise NotReadyError.

        Raises NotReadyError, with how long it took, when the time is over.
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
                        f"{error}: still so after {waited:.0f} s; run the same command again to go on", error.code
                    ) from error
                self.say(f"waiting for {what} ({waited:.0f} s): {error}")
                self.sleep(min(next(steps, _LONGEST_STEP), self.seconds - waited))
