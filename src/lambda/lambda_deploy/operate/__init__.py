"""Daily work on what is deployed: status, test-event, redrive, cost."""
