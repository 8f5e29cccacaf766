"""What the emulated account was billed: one record a pod, for the whole window that was asked for.

Weaker than the real one, which cuts the window into buckets: sums are right, the split over days is not made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.standins.runpod.account import Account
from tests.standins.runpod.problems import ProblemError
from tests.standins.runpod.views import instant

SIZES = ("hour", "day", "week", "month", "year")


def pod_billing(account: Account, query: Mapping[str, str], now: float) -> dict[str, Any]:
    """`GET /v2/billing/pods`."""
    size = query.get("bucketSize", "day")
    if size not in SIZES:
        raise ProblemError(422, "Request validation failed.", errors=(f"query.bucketSize: {size!r} is not valid",))
    wanted = [pod for pod in account.pods.values() if query.get("podId", pod.id) == pod.id]
    window = {
        "startTime": query.get("startTime") or instant(min((pod.created_at for pod in wanted), default=now)),
        "endTime": query.get("endTime") or instant(now),
    }
    records = [window | {"podId": pod.id, **_amounts(pod.spent, is_cpu=not pod.gpus)} for pod in wanted if pod.spent]
    sums = {key: sum(record[key] for record in records) for key in _amounts(0.0, is_cpu=False)}
    return {
        "records": records,
        "metadata": {
            "query": {**window, "bucketSize": size, "podId": query.get("podId")},
            "recordCount": len(records),
            "uniquePodCount": len(records),
            "totals": sums,
        },
    }


def _amounts(spent: float, *, is_cpu: bool) -> dict[str, Any]:
    return {
        "totalAmount": spent,
        "gpuAmount": 0.0 if is_cpu else spent,
        "cpuAmount": spent if is_cpu else 0.0,
        "diskAmount": 0.0,
    }
