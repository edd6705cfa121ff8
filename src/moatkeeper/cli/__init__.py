"""The command line: arguments, printing, progress and exit codes; what it does is done below."""
