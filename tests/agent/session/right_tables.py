"""Right answers in tables and lists, as models write them: rounded, in other units, with sums, shares, differences.

They rest on the results of `right_answers.looks`, cited as there, and on what a reader may reckon from them.
"""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # Rounded, with the units in the cells.
    (
        "| GPU | util | temp | power |\n|---|---|---|---|\n| gpu-01/0 | 99 % | 66 °C | 622 W |\n"
        "| gpu-01/1 | 98 % | 66 °C | 617 W |\n| gpu-01/3 | **0 %** | 64 °C | **98 W** |\n"
        "| gpu-01/5 | 95.5 % | 63 °C | 598 W |\n\nSee gpu-01/3 [3]."
    ),
    # Another unit than the result's, in the heading; two numbers and a share in a cell.
    (
        "| GPU | memory (GiB) | free (GiB) | used |\n|---|--:|--:|--:|\n"
        "| gpu-01/3 | 71.0 / 79.6 | 8.7 | 89 % |\n\nThat is what it holds [4]."
    ),
    (
        "| GPU | used | total |\n|---|---|---|\n| gpu-01/0 | 71.0 GiB | 79.6 GiB |\n"
        "| gpu-01/7 | 71 GiB | 79.6 GiB |\n\n[3]"
    ),
    # A row of sums and one of means.
    (
        "| GPU | power W |\n|---|--:|\n| gpu-01/0 | 621.6 |\n| gpu-01/1 | 616.9 |\n| gpu-01/2 | 597 |\n"
        "| gpu-01/3 | 98 |\n"
        "| gpu-01/4 | 620.2 |\n| gpu-01/5 | 598 |\n| gpu-01/6 | 620.3 |\n| gpu-01/7 | 596.4 |\n"
        "| **total** | **4368.4** |\n"
        "| mean | 546.1 |\n\nAll of gpu-01 [3]."
    ),
    (
        "| GPU | util % | power |\n|---|--:|--:|\n| gpu-01/0 | 98.6 | 622 W |\n| gpu-01/1 | 98 | 617 W |\n"
        "| gpu-01/3 | 0 | 98 W |\n| sum | | 1,337 W |\n| mean | 65.5 | 446 W |\n\n[3]"
    ),
    # A few rows, and a sum of only those.
    (
        "| user | GPUs held | $/h |\n|---|--:|--:|\n| ana | 12 | 35.76 |\n| svc | 4 | 11.92 |\n| bo | 3 | 8.94 |\n"
        "| **top three** | **19** | **56.62** |\n\n[11]"
    ),
    # Shares of a whole.
    (
        "| user | GPUs | share |\n|---|--:|--:|\n| ana | 12 | 55 % |\n| svc | 4 | 18 % |\n| bo | 3 | 14 % |\n"
        "| cy | 2 | 9 % |\n"
        "| dee | 1 | 5 % |\n| total | 22 | 100 % |\n\nOf the allocated GPUs [7]."
    ),
    (
        "| reason | jobs | share |\n|---|---|---|\n| JobArrayTaskLimit | 38 | 86 % |\n| Resources | 3 | 7 % |\n"
        "| Dependency | 1 | 2 % |\n| JobHeldUser | 1 | 2 % |\n| Priority | 1 | 2 % |\n| **all** | **44** | |\n\n[7]"
    ),
    # A share of another column.
    (
        "| GPU | power | limit | of limit |\n|---|--:|--:|--:|\n| gpu-01/0 | 621.6 W | 700 W | 89 % |\n"
        "| gpu-01/3 | 98 W | 700 W | 14 % |\n\n[3]"
    ),
    (
        "| user | $/h | idle $/h | idle |\n|---|--:|--:|--:|\n| ana | 35.76 | 2.98 | 8 % |\n"
        "| bo | 8.94 | 5.96 | 67 % |\n\n[11]"
    ),
    # A difference of two columns.
    (
        "| | gpu-01/3 | siblings (mean) | difference |\n|---|---|---|---|\n"
        "| utilization | 0 % | 97.1 % | -97.1 % |\n"
        "| power | 98 W | 610 W | -512 W |\n| temperature | 64 °C | 64.7 °C | -0.7 °C |\n\n[3]"
    ),
    # Things as columns.
    (
        "| | gpu-01 | gpu-02 | gpu-03 |\n|---|---|---|---|\n| GPUs | 8 | 8 | 8 |\n"
        "| mean utilization | 85 % | 30 % | 61 % |\n"
        "| Slurm | ALLOCATED | MIXED | MIXED+DRAIN |\n\n[2]"
    ),
    (
        "| metric | gpu-01/0 | gpu-01/3 |\n|---|---|---|\n| utilization | 98.6 % | 0 % |\n"
        "| power | 621.6 W | 98 W |\n\n[3]"
    ),
    # One thing, a row a metric.
    (
        "**gpu-01/3** [4]\n\n| metric | value |\n|---|---|\n| utilization | 0 % |\n"
        "| memory | 72,700 of 81,559 MiB (89 %) |\n"
        "| temperature | 64 °C |\n| power | 98 W of 700 W (14 %) |\n| SM clock | 1,980 MHz |\n"
        "| PCIe | x16, 1.16 GB/s in |\n"
        "| driver | 570.86.15 |"
    ),
    # Numbered rows, and the name in another column.
    (
        "| # | GPU | util % | power W |\n|--:|---|--:|--:|\n| 1 | gpu-01/0 | 98.6 | 622 |\n"
        "| 2 | gpu-01/4 | 98.4 | 620 |\n"
        "| 3 | gpu-01/6 | 98.4 | 620 |\n\n[3]"
    ),
    # Indices in place of names.
    (
        "GPUs of gpu-01 [12]:\n\n| GPU | util | temp | power |\n|---|---|---|---|\n"
        "| 0 | 98.6 % | 66 °C | 621.6 W |\n"
        "| 3 | 0 % | 64 °C | 98 W |\n| 7 | 95.3 % | 63 °C | 596.4 W |"
    ),
    # Times: elapsed, left, shares of a limit.
    (
        "| job | user | GPUs | elapsed | limit | left |\n|---|---|--:|---|---|---|\n"
        "| 812 | ana | 12 | 3 h 12 min | 24 h | 20 h 48 min |\n"
        "| 815 | bo | 2 | 41 min | 2 h | 1 h 19 min |\n| 820_1 | cy | 1 | 41 min | 2 h | 79 min |\n\n[8]"
    ),
    (
        "| job | ran | util |\n|---|---|---|\n| 812 | 3.2 h | 89 % |\n| 816 | 52 h | 36 % |\n"
        "| 835 | 20 s | 95 % |\n\n[8]"
    ),
    (
        "| job | elapsed (h) | limit (h) | used |\n|---|---|---|---|\n| 812 | 3.2 | 24 | 13 % |\n"
        "| 815 | 0.68 | 2 | 34 % |\n\n[8]"
    ),
    # A timeline, with how much later each was.
    (
        "| time | event | after |\n|---|---|---|\n| 15:57:19 | Xid 79 on gpu-01/5 | |\n"
        "| 15:57:31 | job 812 hangs | +12 s |\n"
        "| 15:58:02 | vLLM's engine is dead | +43 s |\n| 15:59:19 | Slurm counts fewer GPUs | +2 min |\n\n[1]"
    ),
    # Statistics of a series, and what follows from them.
    (
        "| statistic | °C | at |\n|---|--:|---|\n| lowest | 25.5 | 15:53:29 |\n"
        "| highest | 76.3 | 15:48:29 |\n| mean | 50.8 | |\n"
        "| p95 | 70.2 | |\n| range | 50.8 | |\n| first | 42.1 | 15:29:59 |\n| last | 59.3 | 15:59:49 |\n"
        "| change | +17.2 | |\n\n[5]"
    ),
    # Counts of alike rows.
    "| severity | alerts |\n|---|--:|\n| critical | 2 |\n| warning | 4 |\n| info | 1 |\n| total | 7 |\n\n[6]",
    "| state | alerts |\n|---|---|\n| firing | 6 |\n| pending | 1 |\n\n[6]",
    (
        "| utilization | GPUs |\n|---|--:|\n| 0 % | 1 |\n| 95 % and more | 7 |\n\n"
        "Of the 8 GPUs of gpu-01 seven work [3]."
    ),
    (
        "| | GPUs |\n|---|---|\n| total | 24 |\n| busy | 19 (79 %) |\n| idle | 5 (21 %) |\n"
        "| allocated | 22 (92 %) |\n\n[2]"
    ),
    # Money: thousands, a day from an hour, shares.
    (
        "| | cost | idle |\n|---|--:|--:|\n| last day | $1,494 | $1,488 (99.6 %) |\n| today | $990 | $987 |\n"
        "| this month | $35.2k | $35.2k |\n| forecast | $46.1k | |\n\n[11]"
    ),
    "| user | $/h | $/day |\n|---|--:|--:|\n| ana | 35.76 | 858.24 |\n| svc | 11.92 | 286.08 |\n\n[11]",
    "12 GPUs at $2.98/h each are $35.76/h, that is $858 a day for ana [11].",
    "At $71.52/h the cluster costs $1,716 a day and about $52,200 a month [11].",
    "8 GPUs x 700 W is 5.6 kW at most for gpu-01; now it draws 4.37 kW (78 %) [3].",
    # Ranges.
    "| GPUs | temperature | power |\n|---|---|---|\n| gpu-01/0–7 | 63–66 °C | 98–622 W |\n\n[3]",
    "The siblings of gpu-01/3 are at 95–99 % and 596–622 W [3].",
    # What one GPU gets of a job.
    (
        "| job | GPUs | CPUs | memory | CPUs/GPU | memory/GPU |\n|---|--|--|--|--|--|\n"
        "| 812 | 12 | 192 | 768 GiB | 16 | 64 GiB |\n\n[10]"
    ),
    # Without pipes at the ends; aligned by spaces; bars.
    "GPU | util | power\n---|---|---\ngpu-01/0 | 98.6 % | 621.6 W\ngpu-01/3 | 0 % | 98 W\n\n[3]",
    "```\nGPU       util %  temp  power\ngpu-01/0    98.6    66  621.6\ngpu-01/3     0.0    64   98.0\n```\n\n[3]",
    "| GPU | util |\n|---|---|\n| gpu-01/0 | `█████████▉` 98.6 % |\n| gpu-01/3 | `▏` 0 % |\n\n[3]",
    # Lists.
    "- **gpu-01**: 8 GPUs, 85 %, 4.4 kW\n- **gpu-02**: 8 GPUs, 30 %\n- **gpu-03**: 8 GPUs, 61 %\n\n[2, 3]",
    "- pending: 44, of which 38 (86 %) wait for their array's limit and 6 for other reasons [7]",
    "- ana: 12 + svc: 4 + bo: 3 + cy: 2 + dee: 1 = 22 GPUs [7]",
    "The free share is 1/24, about 4 %; 22/24 (91.7 %) are allocated [7].",
    ("| partition | GPUs | used | free |\n|---|--:|--:|--:|\n| gpu | 24 | 23 | 1 |\n| serve | 8 | 7 | 1 |\n\n[7]"),
    "| job | waits since | waited |\n|---|---|---|\n| 831 | 14:00 | 2 h |\n| 832 | 14:00 | 2.0 h |\n\n[8]",
    (
        "| node | GPUs | $/h | $/GPU/h |\n|---|--:|--:|--:|\n| gpu-01 | 8 | 23.84 | 2.98 |\n"
        "| gpu-03 | 8 | 23.84 | 2.98 |\n\n[11]"
    ),
    (
        "| alert | on | for |\n|---|---|---|\n| GpuXidFatal | gpu-01/5 | 2 min 40 s |\n"
        "| GpuHot | gpu-02/2 | 41 min |\n| GpuAllocatedIdle | gpu-01/3 | 11 min |\n\n[6]"
    ),
)

UNTUNED: tuple[str, ...] = (
    (
        "### Nodes\n\n| Node | State | GPUs | Avg. util | $/h | Idle |\n|:--|:--|--:|--:|--:|--:|\n"
        "| gpu-01 | up | 8 | ~85 % | $23.84 | 1 |\n| gpu-02 | up | 8 | ~30 % | $23.84 | 1 |\n"
        "| gpu-03 | draining | 8 | ~61 % | $23.84 | 3 |\n"
        "| **Total** | | **24** | **58 %** | **$71.52** | **5** |\n\nSources: [2], [11]."
    ),
    (
        "| GPU | Util (%) | Mem (GB) | Temp (°C) | Power (W) |\n|---|---|---|---|---|\n"
        "| gpu-01/0 | 98.6 | 72.7/81.6 | 66 | 622/700 |\n| gpu-01/3 ⚠ | 0 | 72.7/81.6 | 64 | 98/700 |\n\n[3]"
    ),
    (
        "| Job | Owner | GPUs | Avg util | Cost so far | $/h |\n|---|---|---|---|---|---|\n"
        "| 812 (llama-ft) | ana | 12 | 89.0% | $114.43 | $35.76 |\n"
        "| 816 (vllm) | svc | 4 | 35.8% | $619.84 | $11.92 |\n| 815 (eval) | bo | 2 | 0% | $4.07 | $5.96 |\n"
        "| **Sum** | | 18 | | $738.34 | $53.64 |\n\n[8, 11]"
    ),
    (
        "| Rank | User | Idle GPUs | of | Idle $/h |\n|---|---|---|---|---|\n| 1 | bo | 2 | 3 | $5.96 |\n"
        "| 2 | ana | 1 | 12 | $2.98 |\n\nTogether they let 3 GPUs idle, $8.94/h, about $215 a day [11]."
    ),
    (
        "Timeline (UTC) [1]:\n\n| When | What | Since the Xid |\n|---|---|---|\n"
        "| 15:57:19 | GPU 5 off the bus (Xid 79) | 0 s |\n| 15:57:22 | exporter lists 7 of 8 | 3 s |\n"
        "| 15:57:31 | job 812 loses a GPU | 12 s |\n| 15:58:02 | engine dead | 43 s |"
    ),
    (
        "| Property | Value |\n|---|---|\n| Job | 831 (pretrain) |\n| Owner | cy |\n"
        "| Wants | 8 x H100 on one node |\n| Best node | 1 free (gpu-02) |\n| Waiting since | 14:00 (2 h) |\n"
        "| Expected start | 17:10, in 1 h 10 min |\n| Priority | 9000 |\n\n[9]"
    ),
    (
        "| Metric | Min | Mean | Max |\n|---|--:|--:|--:|\n| Utilization | 0 % | 84.9 % | 98.6 % |\n"
        "| Temperature | 63 °C | 64.6 °C | 66 °C |\n| Power | 98 W | 546 W | 622 W |\n"
        "| SM clock | 1980 MHz | 1980 MHz | 1980 MHz |\n\n[3]"
    ),
    (
        "| Period | Cost | of which idle | Energy |\n|---|---|---|---|\n"
        "| last 24 h | $1,493.77 | 99.6% | 10.5 kWh |\n| today | $990.22 | 99.7% | 6.9 kWh |\n"
        "| November so far | $35,213 | ~100% | 246.5 kWh |\n\nForecast for the month: about $46,000 [11]."
    ),
    (
        "GPU utilization of job 812 [10]:\n\n```\ngpu-01/0  ██████████  98.6 %\n"
        "gpu-01/3  ░░░░░░░░░░   0.0 %\ngpu-03/3  ██████████  98.7 %\n```"
    ),
    "- 24 GPUs in total\n  - 22 allocated (91.7 %)\n  - 1 free (4.2 %)\n  - 1 unavailable (4.2 %)\n\n[7]",
    (
        "| Alert | Target | Value | Age |\n|---|---|---|---|\n| GpuHot | gpu-02/2 | 91 °C | 41 min |\n"
        "| GpuAllocatedIdle | gpu-01/3 | 2460 s (41 min) | 11 min |\n"
        "| SlurmNodeDrainedUnplanned | gpu-04 | 10800 s (3 h) | 3 h |\n\n[6]"
    ),
    "Memory: 8 x 72,700 MiB = 581,600 MiB (568 GiB) of 637 GiB on gpu-01, 89 % [3].",
    (
        "| Partition | Nodes | GPUs | Free | Limit |\n|---|---|---|---|---|\n| gpu* | 3 | 24 | 1 | 2 d |\n"
        "| serve | 1 | 8 | 1 | - |\n| debug (DOWN) | 0 | 0 | 0 | 30 min |\n\n[7]"
    ),
    "Of 52 jobs, 44 (85 %) are pending, 6 (12 %) running and 2 (4 %) suspended or hibernating [8].",
    "| | ana | bo | others |\n|---|---|---|---|\n| GPUs held | 12 | 3 | 7 |\n| share | 55 % | 14 % | 32 % |\n\n[7]",
    "The mean power of the seven busy GPUs is 610 W; gpu-01/3 draws 98 W, 84 % less [3].",
    (
        "| GPU | Δ to mean util | Δ power |\n|---|---|---|\n| gpu-01/0 | +13.7 | +75.6 W |\n"
        "| gpu-01/3 | −84.9 | −448 W |\n\nMeans: 84.9 % and 546 W [3]."
    ),
)
"""Written after the rules were, to see what they miss; some hold what no rule reckons: a mean of a few, all others."""
