"""Entry point of `python -m noisesweep`, the same as the command `noisesweep`."""

from noisesweep.cli.main import main

if __name__ == "__main__":
    main()
