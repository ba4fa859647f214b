"""A believable fleet of vehicles over time, as files in the form in which the Lambda writes them.

The way of the data: `models` and `car` (what drives) -> `life` (what happens) -> `bodies`, `items` (what is
reported and stored) -> `fleet` -> `history` (what becomes of each item) -> `lines` -> `batches` -> `folder`;
`sample` shows the order. `odd_signals`, `odd_items`, `bad_lines` and `damage` are what goes wrong on the way.
"""

from flatten.sample.report import SampleReport
from flatten.sample.sample import write_sample

__all__ = ["SampleReport", "write_sample"]
