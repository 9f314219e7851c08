"""The worker: claim jobs, run their engines, keep the leases alive, finish them.

``worker`` is the loop, ``running_job`` one job that it runs, ``engine_io`` the operations of the
job's engine; ``crash_guard`` delays the worker when the server crashes repeatedly, as
``crash_loop`` decides.
"""

from ringback.worker.crash_guard import CrashGuard
from ringback.worker.worker import Slot, Worker

__all__ = ["CrashGuard", "Slot", "Worker"]
