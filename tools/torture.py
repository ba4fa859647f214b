"""Kill the job at random moments over random files in random surroundings, and look what was lost: `make torture`.

A round: files of every kind (tests/support/odd_files.py) and a fleet with all its oddities land in a folder or in a
bucket, some of them unreadable or behind links. Runs start as processes, each in a separate environment, and die by
SIGKILL, at a random boundary or after a random time, while more files come. Then the files become readable, a run goes
on to its end, and landing, archive, quarantine and tables are held against what was written. The torture ends when its
time is over, or at the first difference with exit code 1.

    make torture ARGS='--minutes 30 --seed 7'
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rehearsal.aws.cloud import Cloud, cloud
from support import killed_run
from support.odd_files import TIMES
from support.odd_landing import BOUND_BY_RIGHTS, Folder, OddLanding, Prefix, run_arguments

BOUNDARIES = ("envelopes", "found", "values", "rows", "quarantine", "files", "query", "copied", "deleted", "archived")
MAX_FILES = 25
_TESTS = Path(__file__).parents[1] / "tests"
_FLATTEN = [sys.executable, "-c", "from flatten.cli import main; main()"]
_BUCKET = "torture"

LOCALES = ("C", "POSIX", "C.UTF-8", "de_DE.ISO-8859-1", "ja_JP.SJIS", "xx", "")
HOSTILE: Mapping[str, Sequence[str]] = {
    "LC_ALL": LOCALES,
    "LANG": LOCALES,
    "PYTHONUTF8": ("0", "1"),
    "PYTHONIOENCODING": ("ascii", "latin-1", "utf-16"),
    "PYTHONHASHSEED": ("0", "1"),
    "PYTHONOPTIMIZE": ("1",),
    "TZ": ("Pacific/Kiritimati", "America/St_Johns", ":nowhere"),
    "HOME": ("/nowhere", "", "/dev/null"),
    "SPARK_HOME": ("/nowhere",),
    "SPARK_CONF_DIR": ("/nowhere",),
    "HADOOP_CONF_DIR": ("/nowhere",),
    "PYSPARK_PYTHON": ("/bin/false",),
    "PYSPARK_SUBMIT_ARGS": ("--master spark://nowhere.invalid:1",),
    "SPARK_LOCAL_IP": ("203.0.113.1",),
    "SPARK_LOCAL_DIRS": ("/nowhere",),
    "COLUMNS": ("1",),
    "TERM": ("dumb",),
}
"""Variables, and what they may be; each of them is set or left out."""

SCRATCH = ("plain", "with space", "übergroß", "it's so; 50+50", "100%")
"""Names of the folder for temporary files; brackets are not among them: Spark does not start, and says so."""

UMASKS = (0o022, 0o077, 0o027, 0o000)


@dataclass(frozen=True)
class Place:
    """Where a round is: the folder that has its tables and state, and landing and archive as the job knows them."""

    root: Path
    files: str
    landing: OddLanding
    variables: Mapping[str, str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when every round came out right."""
    options = _options(arguments)
    dice, counted = random.Random(options.seed), Counter[str]()  # noqa: S311  # which moment, not a secret
    base = Path(tempfile.mkdtemp(prefix="flatten-torture-"))
    until = time.monotonic() + options.minutes * 60
    with cloud() as local:
        local.create_bucket(_BUCKET)
        while time.monotonic() < until:
            counted["rounds"] += 1
            place = _place(base / str(counted["rounds"]), local, dice)
            deaths, wrong = _round(place, options.events, dice, counted)
            print(
                f"round {counted['rounds']} in {place.files}: {'; '.join(deaths)}: {wrong or 'all is right'}",
                flush=True,
            )
            if wrong:
                print(f"The folder is kept: {place.root}. Seed {options.seed}.")
                return 1
            shutil.rmtree(place.root)
    base.rmdir()
    print(", ".join(f"{number:,} {what}" for what, number in counted.items()))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="how long; a round that has begun is ended (10)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed writes the same files (1)")
    parser.add_argument("--events", type=int, default=100, help="events of a round's fleet, 100 or more (100)")
    return parser.parse_args(arguments)


def _place(root: Path, local: Cloud, dice: random.Random) -> Place:
    root.mkdir()
    if dice.random() < 0.6:
        return Place(root, str(root), OddLanding(Folder(root), dice), {})
    client = local.client("s3")
    landing = OddLanding(Prefix(client, _BUCKET, root.name), dice)
    return Place(root, f"s3a://{_BUCKET}/{root.name}", landing, local.environment)


def _round(place: Place, events: int, dice: random.Random, counted: Counter[str]) -> tuple[list[str], str]:
    """Return where the runs died, and what is wrong then."""
    landing, deaths = place.landing, []
    landing.add_fleet(place.root / "fleet", events)
    landing.add(dice.randint(20, 60))
    with _traps(place, dice):
        for _ in range(dice.randint(1, 3)):
            deaths.append(_killed(place, dice))
            counted["runs killed"] += deaths[-1].startswith(("at ", "after "))
            landing.add(dice.randint(0, 10))
    counted["files"] += len(landing.taken) + len(landing.hidden)
    ended = [_finished(place, dice) for _ in range(2)]
    wrong = [said for said in (*deaths, *ended) if said.startswith("FAILED")]
    return deaths, "; ".join(wrong or landing.wrong(place.root / "tables"))


@contextmanager
def _traps(place: Place, dice: random.Random) -> Iterator[None]:
    """Give some files times and rights of every kind, put links next to them, and undo what stops a file at the end."""
    if not isinstance(place.landing.storage, Folder):
        yield
        return
    root = place.root / "landing"
    chosen = [root / name for name in place.landing.taken if dice.random() < 0.2]
    for path in chosen:
        seconds = dice.choice([*TIMES.values()])
        os.utime(path, (seconds, seconds))
    shut = [path if dice.random() < 0.5 else path.parent for path in chosen if dice.random() < 0.3]
    links = [root / f"link {number}" for number in range(dice.choice([0, 0, 3]))]
    outside = place.root / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"outside")
    for link in links:
        link.symlink_to(dice.choice([root, outside, outside / "x", link]))
    modes = {path: path.stat().st_mode for path in shut}
    for path in shut:
        path.chmod(0)
    yield
    for path, mode in modes.items():
        if path.exists():
            path.chmod(mode)
    if [path.name for path in outside.iterdir()] != ["x"] or any(not link.is_symlink() for link in links):
        place.landing.reasons["a link was followed"] += 1
    for link in links:
        link.unlink()


def _surroundings(place: Place, dice: random.Random) -> dict[str, str]:
    """Return a random environment, with a folder for temporary files."""
    scratch = place.root / "scratch" / dice.choice(SCRATCH)
    scratch.mkdir(parents=True, exist_ok=True)
    hostile = {name: dice.choice(values) for name, values in HOSTILE.items() if dice.random() < 0.3}
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "FLATTEN_"))}
    return {**kept, **hostile, "TMPDIR": str(scratch), **place.variables}


def _killed(place: Place, dice: random.Random) -> str:
    """Start a run and let it die; return where it did."""
    environment, umask = _surroundings(place, dice), dice.choice(UMASKS)
    boundary, nth, seconds = dice.choice(BOUNDARIES), dice.randint(1, 3), dice.uniform(5, 40)
    command = [*BOUND_BY_RIGHTS, *_FLATTEN, *run_arguments(place.root, place.files), f"--max-files={MAX_FILES}"]
    if isinstance(place.landing.storage, Folder) and dice.random() < 0.5:
        death = killed_run.Death(place.root, boundary, nth, MAX_FILES)
        command = [*BOUND_BY_RIGHTS, *killed_run.command("classic", [death])]
        environment |= {"PYTHONPATH": os.pathsep.join([str(_TESTS), environment.get("PYTHONPATH", "")])}
        environment |= {"PYTHONUTF8": "1"}
        seconds = 600
    with (place.root / "log").open("wb") as log:
        run = subprocess.Popen(  # noqa: S603  # our own script
            command, env=environment, umask=umask, start_new_session=True, stdout=log, stderr=log
        )
    try:
        run.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return f"after {seconds:.1f} s"
    if run.returncode == -signal.SIGKILL:
        return f"at {boundary} {nth}"
    said = (place.root / "log").read_text(errors="replace")[-500:]
    well = run.returncode in (0, killed_run.NOT_MET) or (run.returncode == 1 and "files stay in landing" in said)
    return "ran to its end" if well else f"FAILED with {run.returncode}: {said}"


def _finished(place: Place, dice: random.Random) -> str:
    """Let a run go to its end; return what it said."""
    environment = _surroundings(place, dice)
    run = subprocess.run(  # noqa: S603  # our own script
        [*BOUND_BY_RIGHTS, *_FLATTEN, *run_arguments(place.root, place.files)],
        env=environment,
        umask=dice.choice(UMASKS),
        capture_output=True,
        check=False,
    )
    if run.returncode:
        return f"FAILED with {run.returncode}: {run.stderr.decode(errors='replace')[-500:]}"
    return f"done: {len(json.loads(run.stdout)['files'].get('read', []))} read by the job"


if __name__ == "__main__":
    sys.exit(main())
