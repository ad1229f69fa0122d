"""What `noisesweep doctor` looks at: this host, and the store that it is to work with."""
