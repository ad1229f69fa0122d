"""The training program: the network, the stack of runs, the loop over epochs, and what is written."""
