"""Failures in the whole pipeline: nothing is lost and nothing is written twice.

One emulator, one Spark and one table serve all scenarios; each has separate items. They run one after the other, while
the Lambda starts the job; then the test waits until every change has arrived, and checks the result of each.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import monotonic

import pytest

from rehearsal.check import Evidence, problems
from rehearsal.databricks.server import RUN_NOW
from rehearsal.loopback import Answer
from rehearsal.pipeline import LANDING, Setup
from rehearsal.producer import Action, Expected, Poison
from support.failures import Stage, dies_on, item, later_half_first, puts, skewed, stage, three_times, throttled
from support.fault_proxy import Forward, cut_after, error

pytestmark = [
    pytest.mark.process,
    pytest.mark.spark,
    pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric comes for Linux only"),
]
RETRIES = 4
RESERVED = Poison("lambda", "reserved_attribute")
BAD_SIGNALS = Poison("job", "bad_signals")


def reserved(event_id: str) -> Action:
    return Action("put", event_id, {**item(event_id), "_stream_metadata": {}}, RESERVED)


def bad_signals(event_id: str) -> Action:
    return Action("put", event_id, {**item(event_id), "signals": "none"}, BAD_SIGNALS)


def poison_at_the_start_the_middle_and_the_end(at: Stage) -> None:
    good = puts("poison", 20)
    at.play([reserved("p-1"), bad_signals("p-2"), *good[:10], reserved("p-3"), bad_signals("p-4"), *good[10:]])
    at.play([*puts("poison-too", 3), bad_signals("p-5"), reserved("p-6")])


def s3_is_down_for_a_while(at: Stage) -> None:
    at.s3.faults += [error(503, "SlowDown")] * 5
    at.play(puts("s3-down", 10))


def the_answer_of_s3_is_lost(at: Stage) -> None:
    at.s3.faults += [cut_after] * 4
    at.play(puts("cut", 10))


def the_lambda_is_killed_after_its_put(at: Stage) -> None:
    def kill(forward: Forward) -> Answer:
        forward()
        at.pipeline.function.kill()
        return Answer(None)

    at.s3.faults.append(kill)
    at.play(puts("lambda-killed", 10))


def the_job_is_killed_at_work(at: Stage) -> None:
    at.play(puts("job-killed", 10))
    job, until = at.pipeline.job, monotonic() + 120
    while not any(run.outcome == "killed" for run in job.done):
        assert monotonic() < until
        job.start()
        if any(run.state == "RUNNING" for run in job.workspace.active_runs(job.job)):
            at.pipeline.compute.kill()
            job.wait()


def the_function_is_throttled(at: Stage) -> None:
    at.play(puts("throttled", 10), throttled(3 * RETRIES))


def a_batch_is_delivered_three_times(at: Stage) -> None:
    at.play(puts("thrice", 10), three_times)


def changes_come_out_of_order(at: Stage) -> None:
    removed = [Action("delete", f"order-{number}") for number in range(3)]
    at.play([*puts("order", 10), *puts("order", 10, km=2), *removed], later_half_first)


def clocks_are_wrong(at: Stage) -> None:
    at.play(puts("behind", 5), skewed(-26 * 3600))
    at.play(puts("ahead", 5), skewed(26 * 3600))
    at.play([*puts("behind", 5, km=2), *puts("ahead", 5, km=2)])


def a_record_on_which_the_function_always_dies(at: Stage) -> None:
    at.play([*puts("dies", 5), Action("put", "deadly", item("deadly")), *puts("dies-too", 5)], dies_on("deadly"))


def the_trigger_does_not_answer(at: Stage) -> None:
    at.pipeline.workspace.faults[RUN_NOW] = [lambda _: Answer(503), lambda _: Answer(None)] * 4
    at.play(puts("no-trigger", 10))
    at.pipeline.workspace.faults.clear()


def a_burst(at: Stage) -> None:
    at.play(puts("burst", 2_000))


SCENARIOS = {
    "poison at the start, the middle and the end": (poison_at_the_start_the_middle_and_the_end, "p"),
    "S3 is down for a while": (s3_is_down_for_a_while, "s3-down"),
    "the answer of S3 is lost": (the_answer_of_s3_is_lost, "cut"),
    "the Lambda is killed after its put": (the_lambda_is_killed_after_its_put, "lambda-killed"),
    "the job is killed at work": (the_job_is_killed_at_work, "job-killed"),
    "the function is throttled": (the_function_is_throttled, "throttled"),
    "a batch is delivered three times": (a_batch_is_delivered_three_times, "thrice"),
    "changes come out of order": (changes_come_out_of_order, "order"),
    "clocks are wrong": (clocks_are_wrong, "behind"),
    "a record on which the function always dies": (a_record_on_which_the_function_always_dies, "dies"),
    "the trigger does not answer": (the_trigger_does_not_answer, "no-trigger"),
    "a burst of 2,000 items": (a_burst, "burst"),
}


@dataclass(frozen=True)
class Outcome:
    """What was put and the result, after all scenarios."""

    stage: Stage
    expected: dict[str, Expected]
    found: Evidence

    def problems(self) -> list[str]:
        return problems(self.expected, self.stage.pipeline.journal, self.found)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    with stage(tmp_path_factory.mktemp("failures"), Setup(batching_window=1, retries=RETRIES)) as at:
        for scenario, _ in SCENARIOS.values():
            scenario(at)
        assert at.pipeline.settle(300), at.pipeline.job.errors
        yield Outcome(at, dict(at.pipeline.producer.expected), Evidence.of(at.pipeline))


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_row_of_every_item_is_its_newest_state(name: str, outcome: Outcome) -> None:
    _, prefix = SCENARIOS[name]
    ours = {event_id: state for event_id, state in outcome.expected.items() if event_id.startswith(prefix)}
    assert ours
    found = replace(outcome.found, rows=[row for row in outcome.found.rows if row["event_id"] in ours])
    assert problems(ours, outcome.stage.pipeline.journal, found) == []


def test_nothing_is_added_and_nothing_is_lost(outcome: Outcome) -> None:
    assert outcome.problems() == []
    assert len(outcome.found.rows) == sum(
        state.poison is None and event_id != "deadly" for event_id, state in outcome.expected.items()
    )


def test_unprocessed_records_are_stored_with_their_payload(outcome: Outcome) -> None:
    kept = {(each.by, each.reason): each.count for each in outcome.found.unprocessed()}
    assert kept == {
        ("lambda", "reserved_attribute"): 3,
        ("job", "bad_signals"): 3,
        ("mapping", "sent to the on-failure destination"): 1,
    }


def test_the_faults_happened(outcome: Outcome) -> None:
    at = outcome.stage
    assert at.s3.faults == []
    assert at.pipeline.journal.throttled() == 3 * RETRIES
    assert [run.outcome for run in at.pipeline.job.done].count("killed") >= 1
    fates = at.pipeline.journal.count()
    assert (fates["on_failure"], fates["dropped"]) == (1, 0)


def test_repeats_are_counted_as_repeats(outcome: Outcome) -> None:
    verdicts = [run.lines for run in outcome.stage.pipeline.job.done]
    assert sum(lines.get("superseded", 0) for lines in verdicts) >= 10
    assert outcome.stage.pipeline.objects(LANDING, ".ndjson.gz") == {}


def test_the_check_finds_a_change_without_a_record(outcome: Outcome) -> None:
    unseen = {"unseen": outcome.expected["burst-0"]}
    journal = outcome.stage.pipeline.journal
    assert problems(outcome.expected | unseen, journal, outcome.found) == [
        "'unseen' was changed 1 times, but the stream has 0 records of it"
    ]


@pytest.mark.parametrize(
    "harm",
    [
        lambda found: replace(found, rows=found.rows[1:]),
        lambda found: replace(found, rows=[*found.rows, found.rows[0]]),
        lambda found: replace(found, rows=[{**found.rows[0], "sequence_number": "1"}, *found.rows[1:]]),
        lambda found: replace(found, rows=[*found.rows, {**found.rows[0], "event_id": "unknown"}]),
        lambda found: replace(found, rows=[{**found.rows[0], "signal_count": 7}, *found.rows[1:]]),
        lambda found: replace(found, by_lambda=found.by_lambda[1:]),
        lambda found: replace(found, quarantine=found.quarantine[1:]),
        lambda found: replace(found, by_mapping=[]),
    ],
    ids=["lost row", "duplicate row", "old row", "unexpected row", "wrong values", "Lambda's", "job's", "mapping's"],
)
def test_the_check_finds_problems(harm: object, outcome: Outcome) -> None:
    assert callable(harm)
    assert len(problems(outcome.expected, outcome.stage.pipeline.journal, harm(outcome.found))) == 1
