"""Check both clouds for problems that a plan cannot see."""
