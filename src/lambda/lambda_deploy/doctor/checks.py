"""The doctor's checks, in one table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from lambda_deploy.config import Config
from lambda_deploy.doctor import aws_checks, databricks_checks
from lambda_deploy.doctor.facts import Findings, Unseen
from lambda_deploy.doctor.judgement import Judgement, Verdict, problem, warning


@dataclass(frozen=True)
class CheckResult:
    """The result of a check: `reason` is a sentence, `cure` is what to run or do, "" when there is nothing to do."""

    check: str
    verdict: Verdict
    reason: str
    cure: str = ""


@dataclass(frozen=True)
class Check:
    """A check: its name, the facts that it needs (a tuple for two), and its function."""

    name: str
    of: Callable[[Findings], Any]
    judge: Callable[[Config, Any], Judgement]


CHECKS: Final = (
    Check("credentials", lambda seen: seen.account, aws_checks.credentials),
    Check("clock", lambda seen: seen.skew_seconds, aws_checks.clock),
    Check("table key", lambda seen: seen.table, aws_checks.table_key),
    Check("stream", lambda seen: seen.table, aws_checks.stream),
    Check("encryption of the table", lambda seen: (seen.table_key, seen.role_arn), aws_checks.encryption_of_table),
    Check("bucket", lambda seen: seen.bucket, aws_checks.bucket),
    Check("readers", lambda seen: seen.readers, aws_checks.readers),
    Check("mapping", lambda seen: (seen.mappings, seen.table), aws_checks.mapping),
    Check("iterator age", lambda seen: seen.oldest_seconds, aws_checks.iterator_age),
    Check("other targets", lambda seen: seen.other_targets, databricks_checks.other_targets),
    Check("older pipelines", lambda seen: seen.older_pipelines, aws_checks.older_pipelines),
    Check("federation", lambda seen: seen.starter, aws_checks.federation),
    Check("workspace", lambda seen: seen.workspace, databricks_checks.workspace),
    Check("job", lambda seen: seen.jobs, databricks_checks.job),
    Check("right to start the job", lambda seen: (seen.starter, seen.jobs), databricks_checks.right_to_start),
)


def check(config: Config, seen: Findings) -> list[CheckResult]:
    """Return the result of each check. A fact that could not be read is a warning; without access, a problem."""
    return [CheckResult(one.name, *_judged(config, one, seen)) for one in CHECKS]


def _judged(config: Config, one: Check, seen: Findings) -> Judgement:
    fact = one.of(seen)
    unseen = [part for part in (fact if isinstance(fact, tuple) else (fact,)) if isinstance(part, Unseen)]
    if not unseen:
        return one.judge(config, fact)
    if one.name in ("credentials", "workspace"):
        return problem(unseen[0].why, "nothing else can be checked without it")
    for line, entrance in (("credentials", seen.account), ("workspace", seen.workspace)):
        if unseen[0] == entrance:
            return warning("could not be checked", f"see the line `{line}`")
    return warning(
        f"could not be checked: {unseen[0].why}", "ask for the permission, or let another user run the doctor"
    )
