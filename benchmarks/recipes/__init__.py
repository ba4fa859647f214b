"""Common ways to flatten an event, each a separate function."""
