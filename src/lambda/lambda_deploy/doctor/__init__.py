"""What a plan cannot see: looked at in both clouds, judged by one table of checks."""
