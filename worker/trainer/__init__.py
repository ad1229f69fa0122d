"""Training program: the network, the stack of runs, the loop over epochs, and the storage of results."""
