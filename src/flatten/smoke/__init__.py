"""Whether this workspace does what could not be tried elsewhere: `flatten smoke`."""
