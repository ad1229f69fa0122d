"""Version of the trainer's numerics. Workers record it with each run, and the API reuses only runs of one version."""

# Names how the numbers of a run come about: the initial weights, the random draws and the order of operations. Increase
# it with every change after which the default config trains to other bits. Results, checkpoints and fingerprints of two
# versions are never mixed. Equal versions do not mean equal bits on two kinds of device or CPU, or with two versions of
# TensorFlow.
NUMERICS = 2
