"""The worker: claim jobs, run their engines, keep the leases alive, finish them.

``worker`` is the loop, ``run`` one job in its hands, ``world`` what its engine may do.
"""

from ringback.worker.worker import Slot, Worker

__all__ = ["Slot", "Worker"]
