"""This is `python -m telemock`: the command line without an installed script."""

from telemock.cli import main

if __name__ == "__main__":
    main()
