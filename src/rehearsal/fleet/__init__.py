"""Generate a fleet over time, as the objects that the Lambda would write, and the truth about its cars.

`cars` (what drives) -> `script` (what it does) -> `events` (what is reported and stored) -> `changes` (of each item) ->
`objects` (records, lines and keys, in order of arrival); `write` shows the order. `truth` is what the cars did, as
plain data; `oddities` adds what can go wrong. `templates.json` has the makes, the homes and a body of each signal.
Nothing here imports the job.
"""

from rehearsal.fleet.write import FEWEST_WITH_ODDITIES, FleetReport, fleet_changes, write_fleet

__all__ = ["FEWEST_WITH_ODDITIES", "FleetReport", "fleet_changes", "write_fleet"]
