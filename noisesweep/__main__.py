"""`python -m noisesweep` is the command `noisesweep`."""

from noisesweep.cli.main import main

if __name__ == "__main__":
    main()
