"""WISHES: questions about the analyst itself and about words, and wishes for actions."""
# ruff: noqa: E501 - a cue reads best on one line

from __future__ import annotations

import re

from app.agent.analyst.glossary import GLOSSARY
from app.agent.analyst.intent import BOX, JOB, Intent

_WORDS = "|".join(r"(?: <M-\w+>)? ".join(map(re.escape, name.split())) for word in GLOSSARY for name in word.names)
"""Words that there is an explanation of; with `the` before them they are rather asked for as they stand now."""

# fmt: off
WISHES: tuple[Intent, ...] = (
    Intent("help", (
        (r"\b(?:show|give|need|get) (?:me )?(?:the |some )?help\b", 9),
        (r"^what do you do\b|\bwhat are you (?:for|good at)\b", 9),
        (r"\bwhat (?:can i|i can|may i|else can i|should i) ask\b|\bquestions? (?:can|could|may) i\b", 9),
        (r"^(?:help|\?|menu|usage|hello|hi|hey)$", 9),
        (r"\bwhat (?:can|could|else can) (?:you|i) (?:do|ask|answer|tell|help)\b", 9),
        (r"\bwhat (?:do|are) you (?:know|able)\b", 8),
        (r"\bhow (?:do|can|should) i (?:use|ask|talk to) (?:you|this|it)\b", 8),
        (r"\bwho are you\b|\bwhat are you\b|\bare you (?:an? )?(?:ai|llm|model|bot|chatgpt|gpt|human|real)\b", 9),
        (r"\bhelp me\b", 3),
        (r"^(?:test|ping|thank you|yo|good (?:morning|evening|day|afternoon))?$", 5),
    ), takes_chips=False, example="what can you do?"),
    Intent("blind", (
        (r"\b(?:hidden|invisible|unseen|unmonitored)\b", 8),
        (r"\b(?:which|what) (?:data|metrics?|sources?|values?) (?:is|are|do) (?:you )?(?:miss\w+|lack\w*|not)\b|\bmissing (?:data|metrics|sources)\b", 9),
        (r"\bare you missing\b", 8),
        (r"\bwhat (?:can|do|could|did)(?: you| we)? not(?: you| we)? (?:see|know|look|read|reach|monitor)\b", 9),
        (r"\bblind(?: spots?)?\b", 8),
        (r"\b(?:sources?|exporters?|collectors?|monitoring|scrap\w+|targets?)\b.*\b(?:down|dead|missing|stale|failing|broken|working|ok|up|healthy|unreachable)\b", 7),
        (r"\bwhat (?:is|are) (?:you )?(?:missing|not (?:monitored|watched|visible|seen|covered))\b", 7),
        (r"\b(?:down|dead|stale|broken|failing|which) (?:sources?|exporters?|collectors?|targets?)\b", 7),
        (r"\bhow (?:old|fresh|stale) is (?:the|your|this) data\b", 7),
        (r"\bcan (?:i|we) trust\b", 5),
        (r"\bgaps?\b.*\b(?:data|monitoring|metrics)\b", 5),
    ), takes_chips=False, example="what can you not see?"),
    Intent("term", (
        (rf"^what (?:is|are) (?:an? )?(?:{_WORDS})(?: <M-\w+>)?$", 12),
        (r"<XID>.*\b(?:meaning|mean|explained|explain)\b", 9),
        (r"^(?:what|wtf) (?:is|are) (?:an? |the )?(?:row[ -]?remap\w*|ecc error|xid)s?$", 9),
        (r"\b(?:what (?:does|do|is|are)|explain|define|meaning of|what is (?:a|an|the)|what is meant by)\b.*\b(?:mean|means|stand for|meaning)\b", 9),
        (r"^(?:explain|define|describe) (?!(?:<JOB>|<GPU>|<NODE>|why|what|it\b|this\b|that\b))", 6),
        (r"\bmeaning of\b", 7),
        (r"^what (?:is|are) (?:an? |the )?<XID>$", 9),
        (r"^what (?:is|are) (?:an? |the )?(?:xids?|ecc|kv cache|row remap\w*|mig|nvlinks?|nvswitch|drain(?:ed|ing)?|preemptions?|clock[ -]event reasons?|throttl\w+|power brake|hw slowdown|sw power cap|persistence mode|gsp|dcgm|nvml|backfill|qos|fairshare|ttft|itl|prefix cach\w+|tensor parallel\w*|mps|cuda oom|oom|slurm|vllm|straggler|fabric manager|imex|sxids?|pcie replays?|sm active|blind spot|incident|page retirement|retired pages?|infiniband|gres|requeue|hold)(?: <M-\w+>)?$", 9),
        (r"^(?:(?:what is|about|explain) )?<XID>$", 9),
        (r"<XID>", 3),
        (r"\bwhat does\b.*\b(?:reason|state|code|flag)\b", 6),
        (r"^what (?:is|are) (?:an? )?\w+(?: <M-\w+>)?$", 4),
    ), takes_chips=False, example="what is an Xid?"),
    Intent("cancel", (
        (r"^cancel$", 12),
        (rf"^(?:cancel|kill|terminate|scancel|stop|abort|end)\b.*{JOB}", 12),
        (r"\bi (?:want|would like) to (?:cancel|kill|stop)\b.*<JOB>", 12),
    ), about=("job",), example="cancel job {job}"),
    Intent("hold", (
        (rf"^hold\b.*{JOB}", 12),
        (r"^put .*<JOB> on hold", 12),
    ), about=("job",)),
    Intent("release", (
        (rf"^(?:release|unhold)\b.*{JOB}", 12),
    ), about=("job",)),
    Intent("requeue", (
        (rf"^(?:requeue|restart|rerun|resubmit)\b.*{JOB}", 12),
    ), about=("job",)),
    Intent("drain", (
        (r"^drain$", 12),
        (rf"^(?:get|pull|kick|remove|move) {BOX} (?:out of|from|off) ", 13),
        (rf"^(?:drain|cordon|take)\b.*{BOX}", 12),
        (rf"^(?:take|put|set) {BOX} (?:out of service|into drain|to drain|offline|down)", 13),
        (rf"^(?:keep|stop) (?:new )?jobs (?:off|on) {BOX}", 12),
        (r"\bi (?:want|would like) to drain\b", 12),
    ), about=("node", "gpu"), example="drain {node} because of its fans"),
    Intent("undrain", (
        (r"^(?:undrain|resume)$", 12),
        (rf"^(?:undrain|uncordon|resume)\b.*{BOX}", 12),
        (rf"^(?:put|bring|take|set|return) {BOX} (?:back|into service|to service|online|up)", 13),
    ), about=("node", "gpu")),
    Intent("silence", (
        (r"^(?:shush|hush|shut)\b", 12),
        (r"^(?:silence|mute|snooze|suppress|quiet|shut up)\b", 12),
    ), about=("gpu", "node", "job"), example="silence the alerts of {node} for an hour"),
    Intent("acknowledge", (
        (r"\bi (?:will |am )?(?:take|taking|took|handle|handling|look(?:ing)? (?:at|into)|am on|on)\b.*(?:<ALERT>|alert)", 16),
        (r"^(?:ack|acknowledge|acked)\b", 12),
    ), about=("gpu", "node", "job")),
    Intent("submit", (
        (r"^(?:submit|sbatch|run|launch)\b.*(?:\.(?:sh|sbatch|slurm)|script|job)\b", 11),
        (r"^sbatch\b", 11),
    ), takes_chips=False),
)
# fmt: on
