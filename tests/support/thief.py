"""Another writer that has the lease for a while in the middle of a run, an hour after that one took it."""

from datetime import datetime, timedelta

from flatten import lease
from flatten.job import Clock
from support.job_world import NOW, World, at, clock


class Thief:
    """A clock until a boundary: then an hour is over, and another has had the lease and let it go."""

    def __init__(self, world: World, boundary: str, until: Clock = clock) -> None:
        self.reached = at(boundary, self._steal)
        self._world, self._clock, self._late = world, until, timedelta()

    def __call__(self) -> datetime:
        return self._clock() + self._late

    def _steal(self) -> None:
        self._late = lease.TERM
        lease.hold(self._world.spark, self._world.table, "thief", "another state", self())
        lease.release(self._world.spark, self._world.table, "thief", NOW)
