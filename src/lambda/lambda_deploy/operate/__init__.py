"""Operate a deployment: status, test-event, redrive, cost."""
