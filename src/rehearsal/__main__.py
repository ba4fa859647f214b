"""Run `make demo`: `python -m rehearsal`."""

from rehearsal.demo import main

main()
