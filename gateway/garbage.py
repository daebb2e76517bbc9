"""How often does Python look for cyclic garbage? Rarely: readings have no cycles.

The collector counts allocations, and a burst holds hundreds of thousands of live readings, each looked at
again and again: measured, half the pipeline's time per message. Everything made at start is put out of its
sight; the young generation is looked at every 50,000 allocations, the old one every 400 times that.
"""

from __future__ import annotations

import gc


def calm() -> None:
    """Set it once, when everything is built."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
