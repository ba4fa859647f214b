"""`python -m rehearsal`, which is `make demo`."""

from rehearsal.demo import main

main()
