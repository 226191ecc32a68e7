# SPDX-License-Identifier: BSD-2-Clause
"""A clock that a test sets, for mailzoned and for name servers: see clock.c."""

import mmap
import os
import struct
import time

import mzd


class Clock:
    """It starts with the kernel's time and goes on as fast. Programs that have `env` live by it."""

    def __init__(self, folder):
        path = os.path.join(str(folder), "clock")
        with open(path, "w+b") as f:
            f.write(struct.pack("qq", 0, -1))
            f.flush()
            self._shared = mmap.mmap(f.fileno(), 16)
        self.env = {"LD_PRELOAD": mzd.shim(folder, "clock"), "MZ_CLOCK": path}
        # the one program that says what it has seen
        self.env_seen = {**self.env, "MZ_CLOCK_SEEN": "1"}

    def _words(self):
        return struct.unpack("qq", self._shared)

    def now(self):
        return time.time() + self._words()[0] / 1e9

    def leap(self, seconds):
        assert seconds >= 0
        self._shared[:8] = struct.pack("q", self._words()[0] + int(seconds * 1e9))

    def unseen(self):
        """What was seen was seen by a program that is gone."""
        self._shared[8:] = struct.pack("q", -1)

    def seen(self):
        """Has the program done, since the last leap, what its timers asked for?"""
        ahead, seen = self._words()
        return ahead == seen
