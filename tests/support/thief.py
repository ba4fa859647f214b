"""Another writer that has the lease for a while in the middle of a run, an hour after that one took it."""

from datetime import datetime

from flatten import lease
from support.job_world import NOW, World, at


class Thief:
    """A clock that stands still until a boundary: then an hour is over, and another has had the lease and let it go."""

    def __init__(self, world: World, boundary: str) -> None:
        self.now, self.reached = NOW, at(boundary, self._steal)
        self._world = world

    def __call__(self) -> datetime:
        return self.now

    def _steal(self) -> None:
        self.now += lease.TERM
        lease.hold(self._world.spark, self._world.table, "thief", "another state", self.now)
        lease.release(self._world.spark, self._world.table, "thief", NOW)
