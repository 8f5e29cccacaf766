"""THINGS: questions about things: rankings, errors, money, alerts, wiring, logs, Slurm, lists, quantities."""
# ruff: noqa: E501 - a cue reads best on one line

from __future__ import annotations

from app.agent.analyst.intent import Intent

# fmt: off
THINGS: tuple[Intent, ...] = (
    Intent("compare", (
        (r"(?:<GPU>|<NODE>|<JOB>) against (?:<GPU>|<NODE>|<JOB>)", 9),
        (r"\bside by side\b|\bnext to each other\b", 9),
        (r"\bcompare\b|\bcomparison\b", 10),
        (r"\b(?:difference|differ\w*|versus|vs)\b", 7),
        (r"\b(?:hotter|slower|faster|busier|cooler|better|worse|more|less)\b.*\bthan (?:<|the other)", 6),
        (r"(?:<GPU>|<NODE>|<JOB>) (?:and|vs|versus|with|against|to|or) (?:<GPU>|<NODE>|<JOB>)", 3),
    ), about=("gpu", "node", "job"), example="compare {gpu} and {gpu2}"),
    Intent("top", (
        (r"\b(?:sorted|ordered|ranked|sort|order|rank) by\b", 8),
        (r"\b(?:hottest|coolest|coldest|busiest|idlest|warmest|most loaded|least loaded|most used|least used|most idle|fullest|thirstiest|slowest|fastest|most power|highest|lowest|most memory|max|maximum|minimum|worst)\b", 6),
        (r"<TOP>", 5),
        (r"\b(?:highest|lowest|most|least|max|maximum|minimum|top|biggest|largest)\b.*<M-|<M-\w+>.*\b(?:highest|lowest|most|least|biggest|rank\w*|sorted?|order\w*)\b", 6),
        (r"\b(?:which|what|list|show|any|are there|all)\b.*\b(?:gpus?|nodes?|cards?|machines?)\b.*\b(?:hot|idle|idling|busy|loaded|overheat\w*|cold|unused|throttl\w+|warm|full|above|over|below|under)\b", 8),
        (r"\b(?:idle|hot|busy|overheating|unused|throttled|loaded) (?:gpus?|nodes?|cards?|machines?)\b", 8),
        (r"\bwhich (?:gpu|node|card|machine)s?\b.*<M-", 6),
        (r"\bhow many\b.*\b(?:idle|busy|hot)\b", 5),
        (r"\branking\b|\brank\b", 4),
        (r"\b(?:gpus?|nodes?|cards?)\b.*\b(?:hotter|cooler|above|over|below|under|more|less|busier|higher|lower)\b.*\d", 9),
        (r"\bwhat (?:gpu|node) is (?:the )?(?:hottest|busiest)", 3),
        (r"\b(?:longest|newest|oldest|largest|biggest)\b.*\bjobs?\b", 2),
    ), about=("node", "partition"), takes_chips=False, example="the hottest GPUs"),
    Intent("errors", (
        (r"\b(?:xids?|ecc|row[ -]?remap\w*|remapped|retired pages?|page retirement|nvlink errors?|pcie? replays?|replays?|sxids?|double[ -]bit|uncorrect\w+|correctable|dbe|sbe)\b|<XID>", 5),
        (r"\b(?:errors?|faults?|failures)\b", 4),
        (r"\b(?:errors?|xids?|ecc)\b.*<(?:GPU|NODE|JOB)>", 3),
        (r"\b(?:any|which|list|show|are there|does|did|has|have|how many|recent|last)\b.*\b(?:xids?|errors?|ecc|faults?)\b", 4),
        (r"\bhardware (?:errors?|problems?|faults?|issues?|failures?)\b", 8),
    ), about=("gpu", "node"), example="any Xid errors on {node}?"),
    Intent("lost", (
        (r"\b(?:lost|missing|gone|fallen|fell|vanished|disappeared|dead|offline|unreachable)\b.*\b(?:gpus?|cards?)\b|\b(?:gpus?|cards?|<GPU>)\b.*\b(?:lost|missing|gone|fallen|fell|vanished|disappeared|dead|offline|unreachable)\b", 9),
        (r"\bfell off the bus\b|\bfallen off\b", 9),
    ), about=("gpu", "node"), takes_chips=False),
    Intent("cost", (
        (r"\b(?:cost|costs|costing|spend|spending|spent|expensive|price|prices|pay|paying|bill|dollars?|money|budget|burn|burning|cheap\w*|expenses?)\b|\$", 7),
        (r"\bhow much (?:is|does|do|did|are|have|has|will|would)\b", 3),
        (r"\b(?:money|dollars|cost)\b.*\bwast", 4),
        (r"\benergy\b|\bkwh\b", 4),
    ), about=("user", "job", "node", "partition"), takes_chips=False, example="what does this cost, and how much is wasted?"),
    Intent("alerts", (
        (r"\balert(?:ing|ed)\b", 7),
        (r"\balerts?\b|\balarms?\b", 6),
        (r"\b(?:firing|fired|fires|ringing|paging|paged)\b", 4),
        (r"\b(?:silenced?|muted|silences|acknowledged|acked)\b", 5),
        (r"\bnotif\w+\b", 4),
        (r"<ALERT>", 5),
        (r"\bwhat is (?:red|yellow|ringing)\b", 5),
    ), about=("gpu", "node", "job"), takes_chips=False, example="which alerts fire?"),
    Intent("topology", (
        (r"\bnv-?links?\b.*(?:<NODE>|<GPU>|status|state)|(?:<NODE>|<GPU>).*\bnv-?links?\b", 5),
        (r"\btopolog\w+\b|\bnvswitch(?:es)?\b|\binterconnect\b|\bnuma\b|\bhow (?:are|is)\b.*\b(?:connected|wired|linked)\b|\bwiring\b", 9),
        (r"\bnv-?links?\b", 6),
        (r"\bp2p\b|\bpeer[ -]to[ -]peer\b|\bpcie? (?:links?|lanes?|gen|width|speed|topology)\b", 7),
        (r"\b(?:infiniband|ib|roce|fabric)\b", 4),
        (r"\blinks? (?:is |are )?(?:down|up|ok|broken|inactive)\b", 4),
    ), about=("node", "gpu"), example="are the NVLinks of {node} up?"),
    Intent("logs", (
        (r"\b(?:last|newest|final|recent) (?:<\w+> )?(?:\d+ )?lines?\b", 9),
        (r"\bwhat does (?:the )?(?:kernel|log|server|driver|job) (?:say|tell|report|print)", 10),
        (r"\blogs?\b|\bdmesg\b|\bstd(?:out|err)\b|\btail\b|\bjournal\w*\b|\bsyslog\b|\bkern\.log\b", 7),
        (r"\b(?:output|print\w*|said|says|lines?)\b.*(?:<JOB>|<NODE>)|(?:<JOB>|<NODE>).*\b(?:output|print\w*|lines)\b", 6),
        (r"\b(?:kernel|slurmctld|slurmd)\b", 3),
    ), about=("job", "node", "gpu", "service"), example="show the log of job {job}"),
    Intent("slurm", (
        (r"\b(?:slurm|slurmctld|slurmd|scheduler|slurmdbd|accounting)\b", 6),
        (r"\bpartitions?\b(?!.*\bfree\b)", 5),
        (r"\bsinfo\b", 9),
        (r"\bslurm (?:status|ok|healthy|up|down|working|version)\b|\bis slurm\b", 5),
    ), about=("partition",), takes_chips=False, example="is Slurm all right?"),
    Intent("nodes", (
        (r"\b(?:which|what|list|show|any|all|how many|are there)\b.*\b(?:nodes?|machines?|hosts?)\b", 5),
        (r"\b(?:nodes?|machines?|hosts?)\b.*\b(?:drained|draining|drain|down|offline|reserved|maintenance|out of service|idle|up|unavailable|not responding)\b|\b(?:drained|draining|down|offline|broken|dead|unavailable) (?:nodes?|machines?|hosts?)\b", 7),
        (r"^(?:nodes|machines|hosts|list nodes)$", 7),
        (r"\bwhat is (?:drained|down|offline)\b", 7),
    ), takes_chips=False, example="which nodes are drained?"),
    Intent("jobs", (
        (r"\b(?:everything|all|anything) (?:that )?(?:runs|running)\b", 10),
        (r"\b(?:which|what|list|show|all|how many|any)\b.*\bjobs?\b", 5),
        (r"\bjobs? (?:of|by|from|on|in|for)\b", 5),
        (r"\b(?:running|pending|waiting|queued|held|active|current|suspended|longest|largest|biggest|oldest|newest|long) (?:running )?jobs?\b|\bjobs? (?:are |is |that )?(?:running|pending|waiting|queued|held)\b", 7),
        (r"\bqueue\b", 5),
        (r"\bsqueue\b", 9),
        (r"^(?:(?:show|list|what are|which are|the|all)\s)*(?:<USER>|<MINE>)(?: 's)? (?:\w+ )?jobs?$|\bjobs (?:do|does|has|have|am|are) (?:<USER>|<MINE>|i\b)", 8),
        (r"(?:<USER>|<MINE>)(?: 's)? jobs?\b", 3),
        (r"\bwhat (?:runs|is running|jobs)\b.*(?:on|in)?", 7),
        (r"^(?:jobs|queue)$", 7),
        (r"\bhow (?:long|full|busy) is the queue\b|\bbacklog\b", 8),
    ), about=("user", "node", "gpu", "partition"), takes_chips=False, example="which jobs wait?"),
    Intent("history", (
        (r"\bdid (?:<GPU>|<NODE>|<JOB>)(?= ).*\bget (?:hot|warm|cold|idle|busy|full|slow)\b.*<TIME>", 16),
        (r"<M-\w+>.*<TIME>|<TIME>.*<M-", 14),
        (r"\b(?:history|trend|trending|graph|chart|plot|over time|evolution|develop\w+|peak|average|mean|max|maximum|minimum)\b", 5),
        (r"\b(?:history|trend|graph|chart|plot|over time)\b.*<M-|<M-\w+>.*\b(?:history|trend|graph|chart|plot|over time)\b", 9),
        (r"\b(?:was|were|been|did|had)\b.*<M-|<M-\w+>.*\b(?:was|were|been|did|had)\b", 3),
    ), about=("gpu", "node", "job", "service"), example="temperature of {gpu} over the last hour"),
    Intent("value", (
        (r"<M-\w+>.*<(?:GPU|NODE|JOB|SERVICE|UNKNOWN|MINE)>|<(?:GPU|NODE|JOB|SERVICE|UNKNOWN|MINE)>.*<M-", 6),
        (r"\b(?:what|how|show|current|how much)\b.*<M-", 3),
        (r"<M-\w+>", 3),
        (r"\bhow (?:hot|warm|busy|full|loaded|fast)\b", 4),
        (r"\b(?:is|are) <(?:GPU|NODE)> (?:hot|busy|idle|loaded|full|warm)\b", 6),
    ), about=("gpu", "node", "job", "service"), example="how hot is {gpu}?"),
)
# fmt: on
