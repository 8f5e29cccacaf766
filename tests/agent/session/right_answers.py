"""Right answers over the results of real tools on a frozen cluster, in the ways in which models write them.

`looks` makes the results, in the order in which the answers cite them; ANSWERS rest on nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.chat import ToolUse
from tests.agent.tools.grounds import feed_of, ground, looker
from tests.present.slurm_fleet import slurm_fleet
from tests.tui.alarms import alarmed
from tests.tui.diagnoses import troubles

LOOKS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("diagnose", {}),
    ("cluster_status", {}),
    ("current_metrics", {"node": "gpu-01"}),
    ("gpu_details", {"gpu": "gpu-01/3"}),
    ("metric_history", {"metric": "temperature", "gpu": "gpu-01/3", "since": "30m"}),
    ("alerts", {}),
    ("slurm_status", {}),
    ("jobs", {}),
    ("why_pending", {"job": "831"}),
    ("job_details", {"job": "812"}),
    ("cost", {}),
    ("node_details", {"node": "gpu-01"}),
)


async def looks() -> tuple[ToolUse, ...]:
    """The results that the answers rest on."""
    one = ground(slurm_fleet(), troubles())
    feed_of(one).alerted = alarmed()
    made = looker(one)
    for tool, arguments in LOOKS:
        assert not (await made.look(tool, arguments)).error
    return made.uses


ANSWERS: tuple[str, ...] = (
    "The cluster has **24 GPUs** on 3 nodes; 19 are busy and 22 are allocated [2].",
    "Three nodes with 24 GPUs in total are up [2]. None of them is down.",
    "Right now 6 jobs run and 44 are pending [2].",
    "It draws 9.5 kW (9540.8 W) and costs $71.52/h, of which $14.90/h is spent on idle GPUs [2].",
    "Mean utilization is 58 % and memory is 56.5 % full [2].",
    "19 of 24 GPUs (79 %) are busy [2].",
    "3 alerts are firing and told [2].",
    "gpu-01 has 8 GPUs with a mean utilization of 85 %; gpu-02 only 29.8 % [2].",
    (
        "## 1. What is wrong\n\n`gpu-01/5` fell off the bus at 15:57:19 (Xid 79) [1].\n\n"
        "## 2. What it hits\n\nJob 812 and 12 GPUs, at $35.76/h [1]."
    ),
    "The root cause is **i-17**: GPU gpu-01/5 is gone since 15:57 (Xid 79) [1]. It affects job 812 of ana.",
    "The driver reported Xid 79 at 15:57:19 and the exporter lists 7 of 8 GPUs since 15:57:22 [1].",
    "The GPU has been gone for 2 min 39 s [1].",
    "The loss began about 3 minutes ago, at 15:57 [1].",
    "There are three open incidents: one critical, one warning and one for information [1].",
    "Incident i-17 has one root cause and three consequences [1].",
    "1. Drain gpu-01.\n2. Let job 812 end.\n3. Reboot it [1].",
    "Run `scontrol update nodename=gpu-01 state=drain reason=gpu-watchdog` and then power-cycle it [1].",
    "`nvidia-smi --gpu-reset -i 2` replaces the row on gpu-02/2 when it is idle [1].",
    "A row of gpu-02/2 has waited for a reset since 11:00, so for 5 hours [1].",
    "gpu-02/6 has been at its power limit for 15 min, since 15:45; that is no fault [1].",
    "The NFS server did not answer from 13:30 to 13:43:05, that is for 13 min [1].",
    "Yesterday's trouble is over: i-9 lasted from 13:30:00 until 13:43:05 and hit jobs 815 and 816 [1].",
    (
        "| GPU | util % | temp °C | power W |\n|---|---|---|---|\n| gpu-01/0 | 98.6 | 66 | 621.6 |\n"
        "| gpu-01/3 | 0 | 64 | 98 |\n| gpu-01/7 | 95 | 63 | 596 |\n\nAll of them hold 72,700 MiB [3]."
    ),
    (
        "| node | GPUs | mean utilization |\n|:--|--:|--:|\n"
        "| gpu-01 | 8 | 84.94 % |\n| gpu-02 | 8 | 29.82 % |\n| gpu-03 | 8 | 60.52 % |"
    ),
    "gpu-01/3 sits at 0 % and 98 W while its siblings draw around 610 W [3].",
    "gpu-01/3 uses 72,700 MiB of 81,559 MiB (89 %) [4].",
    "gpu-01/3 holds 71.0 GiB of 79.6 GiB [4].",
    "It has 72.7 GB in use of 81.6 GB [4].",
    "gpu-01/3: 64 °C, 98 W of a 700 W limit, SM clock 1980 MHz [4].",
    "gpu-01/3 runs at 1.98 GHz and receives 1.16 GB/s over PCIe x16 [4].",
    "Its driver is 570.86.15 and it is an H100 with 80GB HBM3 [4].",
    "The process python3 (pid 4003) holds 70,000 MiB, which is 68.4 GiB [4].",
    "The temperature of gpu-01/3 was between 25.5 and 76.3 °C in the last 30 min, 50.8 °C on average [5].",
    "It peaked at 76.3 °C at 15:48:29 and is falling; the last value is 59.3 °C [5].",
    "The 95th percentile is 70.2 °C [5].",
    "There is one gap of 100 s in 170 samples [5].",
    "It rose from 42.1 °C at 15:29 to 59.3 °C at 15:59, by 17.2 °C [5].",
    "7 alerts match; GpuXidFatal on gpu-01/5 has fired since 15:57:19 [6].",
    "GpuHot on gpu-02/2 (91 °C) is silenced until 17:30 [6].",
    "gpu-01/3 is held and idle for 41 min (2460 s) according to the alert [6].",
    "node-03 has not answered for 32 min, since 15:28:20 [6].",
    "Two silences are in force; the one of bo ends at 16:15 [6].",
    "vLLM has 3 requests waiting [6].",
    "1 GPU is free of 24, on gpu-02; 22 are allocated and one is unavailable [7].",
    "58 GPUs are asked for by pending jobs; 38 of them wait because of JobArrayTaskLimit [7].",
    "gpu-03 takes no jobs since 14:00 (GPU 7: uncorrectable ECC), for 2 h by now [7].",
    "The partition gpu has 3 nodes, 24 GPUs and a limit of 2 days [7].",
    "ana holds 12 GPUs, svc 4, bo 3, cy 2 and dee 1 [7].",
    "User ana holds 12 of the 22 allocated GPUs, 55 % [7].",
    "Job 812 (ana, llama-ft) has run for 3 h 12 min of its 24 h limit on 2 nodes with 12 GPUs [8].",
    "Job 816 has been running for 2 d 4 h, job 815 for 41 min [8].",
    "Jobs 815 and 817 belong to bo; 815 holds 2 GPUs at 0 % [8].",
    "52 jobs match: 44 pending, 6 running, one suspended and one hibernating [8].",
    "- **812** ana, 12 GPUs, 89 %\n- **816** svc, 4 GPUs, 35.8 %\n- **815** bo, 2 GPUs, 0 % [8]",
    "Job 831 needs 8 H100 on one node; the best has 1. Job 812 frees 8 in 20 h 48 [9].",
    "Job 831 has waited since 14:00 and is expected to start at 17:10, in 1 h 10 min [9].",
    "Room comes on 2025-11-25 at 12:48 at the latest, in 20.8 hours, when job 812 is over [9].",
    "Its priority is 9000 and it asks for 8 GPUs on one node [9].",
    "Job 812 has 192 CPUs and 768 GiB of memory (786,432 MiB) [10].",
    "Job 812 started at 12:48 and ends at 12:48 on 2025-11-25 at the latest [10].",
    "Eleven of its twelve GPUs are above 95 %; gpu-01/3 is at 0 % [10].",
    "So far job 812 has cost $114.43, job 816 $619.84 [11].",
    "Today cost $990.22 by now, and this month is forecast to come to $46,084.12 [11].",
    "5 GPUs are idle: 3 held and 2 that nobody holds, $8.94/h and $5.96/h [11].",
    "ana's GPUs cost $35.76/h, half of all [11].",
    "The last day took 10.46 kWh [11].",
    "bo wastes most: 2 of 3 GPUs are idle, $5.96 an hour [11].",
    "The host is at 31 % CPU and 42 % memory [12].",
    "Its sources are fresh: exporter-gpu-01 is 1 s old and slurm 1.8 s [12].",
    "Slurm has allocated all 8 GPUs and 128 of 128 CPUs of gpu-01 [12].",
    "It has used 13 % of its time limit (11,520 s of 86,400 s) [10].",
    "Eight GPUs are on gpu-01, seven of them above 90 % [3].",
    "No fault of the fabric is known, but NVLink errors are not published by any source [1].",
    "The job's four GPUs on gpu-03 are between 96.2 % and 98.7 % busy [10].",
    (
        "> NVRM: Xid (PCI:0000:05:00): 79, pid=41205, name=python3, GPU has fallen off the bus.\n\n"
        "That line of 15:57:19 names the cause [1]."
    ),
)
