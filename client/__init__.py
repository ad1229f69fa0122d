"""What a person holds: the command line and the one-machine launcher."""
