"""The ways to flatten an event that people would take instead, each a function of its own."""
