"""WHOLE: questions about one job, GPU or node, about what is wrong, and about the whole."""
# ruff: noqa: E501 - a cue reads best on one line

from __future__ import annotations

from app.agent.analyst.intent import Intent

# fmt: off
WHOLE: tuple[Intent, ...] = (
    Intent("job", (
        (r"<JOB>", 4),
        (r"\b(?:details?|info|information|about|status|state|progress|describe|show|open|inspect|look at|check)\b.*<JOB>|\b(?:what is|what does|how is) <JOB>", 3),
        (r"<JOB>.*\b(?:details?|info|status|state|progress|doing|running|script|nodes?|owner)\b", 3),
        (r"\bhow (?:long|much longer)\b.*<JOB>|<JOB>.*\b(?:how long|finish|done|end|remaining|left|time limit|over)\b|\bwhen (?:will|does|is)\b.*<JOB>.*\b(?:finish|end|done|over|complete|ready)\b", 7),
        (r"\bwho (?:runs|owns|started|submitted)\b.*<JOB>", 8),
        (r"\bwhere (?:does|is|did)\b.*<JOB>", 6),
        (r"\b(?:this|that|my|<MINE>) job\b", 3),
        (r"\bis (?:it|this job|that job) (?:still )?(?:running|done|finished|over|alive)\b", 9),
    ), about=("job",), example="how is job {job} doing?"),
    Intent("gpu", (
        (r"<GPU>", 4),
        (r"\b(?:details?|info|about|status|state|describe|show|how is|what is|inspect|look at|check)\b.*<GPU>|<GPU>.*\b(?:details?|info|status|state|doing)\b", 3),
        (r"\b(?:this|that) (?:gpu|card)\b", 4),
    ), about=("gpu",), example="how is {gpu}?"),
    Intent("node", (
        (r"\breason\b.*\b(?:drain\w*|down|offline|out of service|unavailable)\b", 9),
        (r"<NODE>", 4),
        (r"\b(?:details?|info|about|status|state|describe|show|how is|what is|inspect|look at|check)\b.*<NODE>|<NODE>.*\b(?:details?|info|status|state|doing)\b", 3),
        (r"\bwhy (?:is|was|are)\b.*\b(?:drain\w*|down|offline|out of service|unavailable|not responding|dead|reserved|maintenance|idle)\b", 7),
        (r"\bwho drained\b|\bsince when is\b|\bdrain reason\b|\bwhy (?:did|was)\b.*<NODE>.*\b(?:drain\w*|reboot\w*)\b", 8),
        (r"\b(?:this|that) (?:node|machine|host)\b", 4),
    ), about=("node",), example="why is {node} drained?"),
    Intent("fix", (
        (r"\b(?:get rid of|make (?:it|this) (?:go away|stop|work)|best (?:course|way)|how (?:do|can) (?:i|we) (?:avoid|stop|prevent))\b", 9),
        (r"\b(?:what (?:should|can|could|do|must|shall) (?:i|we) do|how (?:do|can|should|could|would) (?:i|we) (?:fix|solve|repair|resolve|mitigate|recover)|how to (?:fix|solve|repair|resolve|recover)|next steps?|what now|what next|recommend\w*|advice|suggest\w*|fix (?:it|this|that))\b", 8),
        (r"\bwhat (?:is|are) the (?:next )?(?:steps?|action|fix|solution|remedy)\b", 8),
        (r"^fix\b", 5),
    ), about=("gpu", "node", "job"), example="what should I do first?"),
    Intent("trouble", (
        (r"\bneeds? (?:fixing|repair\w*|attention|care)\b", 9),
        (r"\bworst (?:problem|issue|incident|fault|thing)\b", 9),
        (r"\bcheck\b.*\bfor (?:problems?|errors?|issues?|faults?)\b", 9),
        (r"\bin (?:good|bad) shape\b|\bgood health\b", 8),
        (r"\b(?:found|see|seen|detect\w*) (?:any|some|a)? ?(?:faults?|problems?|issues?|trouble)\b", 9),
        (r"<(?:NODE|GPU|JOB)> (?:seems|looks|appears|is) (?:broken|sick|dead|wrong|bad|weird|odd|faulty|strange|unhealthy)\b", 9),
        (r"\b(?:weird|odd|strange|suspicious|faulty)\b", 5),
        (r"\bis (?:<NODE>|<GPU>) (?:healthy|broken|sick|faulty)\b", 7),
        (r"\bwhat is (?:up|going on|happening|the deal|the matter) with\b", 9),
        (r"\b(?:is|are) (?:everything|all|things?|anything|something|it|we|the cluster|my cluster|<NODE>|<GPU>|<JOB>)(?: all)?(?: right)? (?:ok|okay|fine|good|well|healthy|alright|right|wrong|broken|normal|working|all right|happy|off|down|bad)\b", 7),
        (r"\bwhat (?:is|are|goes|seems) (?:the )?(?:wrong|broken|problems?|issues?|matter|trouble|failing|sick|bad|going wrong)\b", 7),
        (r"\b(?:any|are there|is there(?: an?)?|list|show|which|open|active|current)\b.*\b(?:problems?|issues?|trouble|incidents?|anomal\w+|failures?|faults?|findings?|concerns?)\b", 6),
        (r"\bdiagnos\w+\b|\bhealth check\b|\broot cause\w*\b|\bcheck (?:the )?(?:cluster|everything|health)\b", 8),
        (r"\b(?:wrong|broken|unhealthy|sick|problem|problems|issue|issues|trouble|incidents?)\b", 4),
        (r"\beverything\b.*\b(?:ok|okay|fine|good|well|alright|right)\b|\ball (?:good|ok|fine|well|clear|green)\b", 7),
        (r"\bhealth\w*\b", 4),
        (r"\bwhat needs (?:my )?attention\b|\bwhat should i (?:look at|worry about|know)\b|\bworry\b", 8),
        (r"<INCIDENT>", 7),
        (r"\b(?:why|how) did (?:it|this|that|these|those) (?:all )?(?:happen|come about|start|begin)\b|\bhow come\??$", 8),
        (r"\bwhat (?:caused|causes|triggered|led to|is behind|is the (?:root )?cause of|was the (?:root )?cause of) (?:it|this|that|all this)\b", 8),
    ), about=("gpu", "node", "job", "user"), example="is everything ok?"),
    Intent("status", (
        (r"\b(?:status|overview|summary|summarise|summarize|sum up|sitrep|state of (?:the )?(?:cluster|fleet|nation|things))\b", 5),
        (r"\bhow (?:is|are) (?:the |my |our )?(?:cluster|fleet|things|everything|we|it going|it|you|gpus|system)\b", 6),
        (r"\bwhat is (?:up|going on|the (?:state|status|situation|load)|new with)\b", 6),
        (r"\bhow many (?:<COUNT> )?(?:gpus?|nodes?|jobs?|cards?|<MODEL>)\b", 5),
        (r"\bhow (?:busy|loaded|full|big)(?: <M-\w+>)? is (?:the |my |our )?(?:whole )?(?:cluster|fleet|system)\b", 12),
        (r"\bcluster (?:load|utili[sz]ation|usage|power|size|state|health|info)\b|\b(?:total|whole|overall)\b", 6),
        (r"^(?:cluster|fleet|dashboard|nvidia-smi)$", 6),
        (r"\bgive me (?:a|an|the) (?:quick )?(?:overview|summary|status)", 5),
        (r"\bwhat (?:do|gpus|hardware|models?) (?:we|do we|i|do i) have\b", 6),
    ), takes_chips=False, example="how is the cluster?"),
)
# fmt: on
