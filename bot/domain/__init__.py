"""What a cancellation is, in pure values and functions: no I/O, no clock, no Slack, no HTTP."""
