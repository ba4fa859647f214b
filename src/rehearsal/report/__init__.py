"""What a rehearsal saw: `observe` makes a `trace` of it, `summary` its numbers, `page` shows them."""
