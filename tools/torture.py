"""Kill the job at random moments, repeatedly, and check that nothing is lost: `make torture`.

In each round a generated fleet lands with all its oddities, a run starts as a process and is killed by SIGKILL, at a
random boundary or after a random time, up to three times; then a run completes, and its tables are compared with those
of an undisturbed run. It stops at the first difference with exit code 1.

    make torture ARGS='--rounds 50 --seed 7 --events 500'
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from flatten.decide.decision import VERDICTS
from flatten.session import open_session
from rehearsal.fleet import write_fleet
from support import killed_run
from support.job_world import World

BOUNDARIES = ("envelopes", "found", "values", "rows", "quarantine", "files", "query", "copied", "deleted")
MAX_FILES = 10
_TESTS = Path(__file__).parents[1] / "tests"


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when every round succeeded."""
    options = _options(arguments)
    dice, spark = random.Random(options.seed), open_session()  # noqa: S311  # which moment, not a secret
    base = Path(tempfile.mkdtemp(prefix="flatten-torture-"))
    for number in range(1, options.rounds + 1):
        root = base / str(number)
        seed = dice.randrange(1_000_000)
        deaths = [_killed(root / "killed", options.events, seed, dice) for _ in range(dice.randint(1, 3))]
        wrong = "a run failed" if any(map(_failed, deaths)) else _differences(spark, root, options.events, seed)
        print(f"round {number}: {', '.join(deaths)}: {wrong or 'as if nothing had happened'}", flush=True)
        if wrong:
            print(f"The folders stay: {root}, seed of the fleet {seed}.")
            return 1
        shutil.rmtree(root)
    base.rmdir()
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="number of rounds (20)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed kills at the same boundaries (1)")
    parser.add_argument("--events", type=int, default=300, help="events of a round's fleet, 100 or more (300)")
    return parser.parse_args(arguments)


def _land(root: Path, events: int, seed: int) -> None:
    if root.exists():
        return
    write_fleet(root / "landing", events=events, vehicles=5, seed=seed, oddities=True)
    for age, path in enumerate(sorted(path for path in (root / "landing").rglob("*") if path.is_file())):
        os.utime(path, (1_767_600_000 + age, 1_767_600_000 + age))  # the order in which they are read


def _killed(root: Path, events: int, seed: int, dice: random.Random) -> str:
    """Start a run and kill it; return where it ended."""
    _land(root, events, seed)
    boundary, nth, seconds = dice.choice(BOUNDARIES), dice.randint(1, 3), dice.uniform(8, 40)
    by_time = dice.random() < 0.5
    death = killed_run.Death(root, "never" if by_time else boundary, nth, MAX_FILES)
    run = subprocess.Popen(  # noqa: S603  # our own script
        killed_run.command("classic", [death]),
        env=os.environ | {"PYTHONPATH": str(_TESTS)},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        run.wait(seconds if by_time else 600)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return f"after {seconds:.1f} s"
    if run.returncode == killed_run.NOT_MET:
        return "ran to its end"
    return f"{boundary} {nth}" if run.returncode == -signal.SIGKILL else f"FAILED with {run.returncode}"


def _failed(death: str) -> bool:
    return death.startswith("FAILED")


def _differences(spark: SparkSession, root: Path, events: int, seed: int) -> str:
    """Complete the killed run, run the same files undisturbed, and return the differences."""
    pictures = []
    for name in ("killed", "undisturbed"):
        _land(root / name, events, seed)
        world = World(spark, root / name, max_files=MAX_FILES)
        world.run()
        pictures.append(_picture(world))
    killed, undisturbed = pictures
    return "; ".join(
        f"{about}: {list((killed[about] - undisturbed[about]) + (undisturbed[about] - killed[about]))[:3]}"
        for about in undisturbed
        if killed[about] != undisturbed[about]
    )


def _picture(world: World) -> dict[str, "Counter[Any]"]:
    """Return the content of the tables and folders, without what differs from run to run."""
    root = str(world.root)
    files = world.files()
    return {
        "rows": Counter(str(row.asDict()).replace(root, "") for row in world.rows().values()),
        "files": Counter((name, row.lines, row.outcome, _counts(row), row.sha256) for name, row in files.items()),
        "quarantine": Counter(
            (row.source_file.replace(root, ""), row.line_number, row.reason, row.raw)
            for row in world.side("quarantine")
        ),
        "landing": Counter(world.landed()),
        "archive": Counter(world.archived()),
        "rejected": Counter(world.rejected()),
    }


def _counts(row: Any) -> tuple[int, ...]:
    return tuple(row[verdict] for verdict in VERDICTS)


if __name__ == "__main__":
    sys.exit(main())
