"""`python -m telemock` is the command line."""

import sys

try:
    from telemock.cli import main
except KeyboardInterrupt:
    sys.exit(130)

main()
