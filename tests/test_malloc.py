"""What large blocks took goes back to the system as soon as they are freed, in whichever order."""

import subprocess
import sys

PROGRAM = """
import psutil
from telemock.malloc import keep_little, trim
keep_little()
rss = lambda: psutil.Process().memory_info().rss
before = rss()
for size in (2**25, 2**24, 2**17, 2**12):
    blocks = [bytes([number % 256]) * size for number in range(2**27 // size)]
    between = blocks[:: 2**6]
    assert rss() > before + 2**26
    del blocks
    del between[: -1]
trim()
print(rss() - before < 2**26)
"""


def test_little_is_kept_of_what_was_freed() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True, text=True)
    assert done.stdout == "True\n"
