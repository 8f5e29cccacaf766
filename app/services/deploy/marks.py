"""What the scripts on a pod print, as values: `key=value` facts, and the line that says why one failed. Pure.

A script that fails ends its stderr with `trouble: CODE: sentence`; the codes are those of docs/pods.md, and each has
its row here with what a person does about it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.domain.deployment import Trouble
from app.domain.naming import clean
from app.transport.process import Result

_FACT = re.compile(r"^([a-z][a-z0-9_.-]{0,60})=(.*)$")
_TROUBLE = re.compile(r"^trouble: ([a-z][a-z0-9_]{0,40}): (.+)$")
MOST_FACTS = 200
MOST_DETAILS = 12
_MOST_LINE = 300

AGAIN = "Run deploy again: it goes on at this step."
_LOGS = "gpu-watchdog deploy {name} --logs {node}"
REPLACE = "Replace the node: gpu-watchdog deploy {name} --replace {node}."
UNKNOWN_CODE = "script_failed"

_WAIT = (
    "Its image may still be loading: run deploy again. If that is in vain: gpu-watchdog deploy {name} --replace {node}."
)

NEXT: Mapping[str, str] = {
    # On the way to it.
    "no_ssh": "Install OpenSSH's client.",
    "no_ssh_key": "Name a private key of yours in `[deploy] ssh_key` that needs no passphrase, or leave it empty.",
    "no_sockets": "Set GPU_WATCHDOG_STATE_DIR to a short path of your own.",
    "no_bundle": "Install gpu-watchdog anew.",
    "bad_token": "Remove the file that is named, and run deploy again: it makes another.",
    "no_address": REPLACE,
    "ssh_refused": _WAIT,
    "ssh_timeout": _WAIT,
    "ssh_unreachable": _WAIT,
    "no_banner": _WAIT,
    "no_host_key": AGAIN,
    "host_key_changed": "If you reset that pod yourself, replace the node, or remove its line from the file that is "
    "named; if you did not, somebody may stand in between.",
    "ssh_key_refused": "The pod was made with another public key, or its image does not use PUBLIC_KEY. " + REPLACE,
    "login_failed": AGAIN,
    "connection_lost": f"See that its pod still runs. {AGAIN}",
    "script_timeout": AGAIN,
    "script_failed": f"See its logs: {_LOGS} boot. {AGAIN}",
    # What is set up on it.
    "usage": "This is a mistake of ours: please report it.",
    "not_root": "The pod's image must let root in by ssh: choose another image, or leave `image` empty.",
    "no_python": "Choose an image with Python 3.11 or newer, or leave `image` empty for the stock one.",
    "disk_full": "Deploy with a larger disk (`[deploy] disk_gb`), or free space on the pod and run deploy again.",
    "apt_failed": "Package servers are slow or broken at times: run deploy again, or use an image with Slurm in it.",
    "no_slurm": "Run deploy again; where packages cannot be installed, use an image with Slurm in it.",
    "slurm_old": "Choose an image of Ubuntu 24.04, Debian 12 or newer, or one with Slurm 22.05 or newer in it.",
    "no_gpu": REPLACE,
    "gpu_devices": REPLACE,
    "port_taken": "Stop the program that has the port (`ss -ltnp` on the pod), then run deploy again.",
    "exporter_failed": f"See its log: {_LOGS} exporter. {AGAIN}",
    "bad_key": AGAIN,
    "munge_failed": f"See its log: {_LOGS} munge. {AGAIN}",
    "munge_mismatch": "Run deploy again: it brings the head's key to every pod.",
    "clock_skew": f"A pod's clock is its host's and cannot be set from inside. {REPLACE}",
    "bad_address": "The private network's names are not known on the pod; see that global networking is on.",
    "bad_host_name": "See /etc/hosts and /etc/nsswitch.conf on the pod; its own host name has to lead to one address. "
    + REPLACE,
    "slurmctld_failed": f"See its log: {_LOGS} slurmctld. {AGAIN}",
    "slurmd_failed": f"See its log: {_LOGS} slurmd. {AGAIN}",
    "no_network": 'Only the secure cloud\'s data centres with global networking have one: `cloud = "SECURE"`.',
    "head_unreachable": "See that the head runs, and that all pods are in data centres with global networking.",
    "node_invalid": "See `scontrol show node {node}` on the head; replace the node if its hardware is not as ordered.",
    "node_busy": "Wait for its jobs, or run the same again with --cancel, which ends them.",
    "model_failed": f"See its log: {_LOGS} vllm. Then choose another model or GPU, or run deploy again.",
    "model_memory": "Choose a GPU with more memory, more GPUs a node, or a smaller model.",
    "model_refused": "Accept the model's terms on its page; name a token that may read it in `[deploy] hf_token_file`.",
    "no_model": "See how the model is spelled on the hub; a private one needs a token: `[deploy] hf_token_file`.",
    "model_timeout": f"It goes on by itself: run deploy again to wait for it, or see its log: {_LOGS} vllm.",
    "job_failed": f"See the log of the node that is named: {_LOGS} slurmd. Then run deploy again.",
    "job_without_gpu": "See `scontrol show node {node}` on the head: its Gres must name the GPUs. " + REPLACE,
    "no_model_server": "Use an image with vLLM in it, or deploy without a model.",
    "unknown_log": "The names of logs: boot, exporter, munge, slurmctld, slurmd, vllm, watchdog.",
}
"""What to do, by code; `{name}` is the deployment, `{node}` the node. What is not here has the general advice."""


def facts_of(stdout: bytes) -> dict[str, str]:
    """The `key=value` lines a script printed; the last of a key counts, anything else is passed over."""
    found: dict[str, str] = {}
    for line in text_lines(stdout):
        match = _FACT.match(line)
        if match and (match[1] in found or len(found) < MOST_FACTS):
            found[match[1]] = match[2].strip()
    return found


def text_lines(raw: bytes, most: int = _MOST_LINE) -> list[str]:
    """What a pod printed, line by line, harmless for a terminal."""
    return [clean(line.rstrip(), most) for line in raw.decode("utf-8", "replace").splitlines() if line.strip()]


def failure(node: str, script: str, result: Result) -> Trouble:
    """What came of a script that failed, for a person."""
    said = text_lines(result.stderr) or text_lines(result.stdout)
    match = next((found for line in reversed(said) if (found := _TROUBLE.match(line))), None)
    details = tuple(line for line in said if not _TROUBLE.match(line))[-MOST_DETAILS:]
    if match is None:
        last = f": {said[-1].rstrip('.')}" if said else ""
        what = f"{script} on {node} ended with status {result.returncode}{last}."
        return Trouble(what, next_of(UNKNOWN_CODE, node), node=node, details=details, code=UNKNOWN_CODE)
    return trouble(match[1], node, match[2], details)


def trouble(code: str, node: str, sentence: str, details: tuple[str, ...] = ()) -> Trouble:
    """A trouble on a node, with what to do about it."""
    what = sentence if node in sentence else f"{node}: {sentence}"
    return Trouble(
        what if what.endswith(".") else f"{what}.", next_of(code, node), node=node, details=details, code=code
    )


def next_of(code: str, node: str) -> str:
    """What to do about a code."""
    name = node.rpartition("-")[0]  # `lab-w1` is a node of `lab`
    return NEXT.get(code, NEXT[UNKNOWN_CODE]).format(name=name or "NAME", node=node or "NODE")


def number(facts: Mapping[str, str], key: str) -> float | None:
    """A fact as a number; None where it is none."""
    try:
        return float(facts[key])
    except (KeyError, ValueError):
        return None
