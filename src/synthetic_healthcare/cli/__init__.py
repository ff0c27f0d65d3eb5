"""The command line: `synthetic-healthcare`, one file a command."""
