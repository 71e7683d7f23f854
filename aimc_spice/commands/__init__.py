"""The command line: options in, one call of a flow, something printed or written."""
