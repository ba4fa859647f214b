"""Runs a command as a user whom rights bind: root is not bound by them until it gives that up, for good.

https://man7.org/linux/man-pages/man7/capabilities.7.html; who has no such capability cannot drop it, and need not.
"""

import ctypes
import os
import sys

_PR_CAPBSET_DROP = 24
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2

if __name__ == "__main__":
    for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, capability)
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  # what the caller says
