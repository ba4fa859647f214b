"""Report on a rehearsal: `trace` collects what happened, `summary` has its numbers, `page` shows them."""
