"""The words questions are understood by, and everyday words that must not be mended into one of them."""

from __future__ import annotations

_MEANT = """
    about acknowledge action actions after alarm alarms alert alerts allocated allocation anything array
    available average bandwidth batch because before behind between blind blocked bottleneck broken budget burn
    busiest busy cables cache cancel card cards cause caused changed changes cheap chip clock clocks cluster
    cold compare completed compute cooler cooling cost costing costs crash crashed crashing critical current
    currently daemon dead default dependency describe details diagnose diagnosis difference disk does doing
    dollars down drain drained draining driver during error errors everyone everything exclude exited expensive
    explain export fabric failed failing failure failures fallen faster faulty finish fire fired firing fleet
    free frequency full gpu gpus hanging happen happened happening health healthy history hog hogging hogs hold
    holding holds hot hotter hottest hour hours idle idlest idling incident incidents infiniband info
    interconnect issue issued issues jobs kernel killed last latency launch least leftover limit link links list
    load loaded loading log logs longer longest lost machine machines maintenance margin matrix maximum mean
    meaning means memory message metric metrics minimum minute minutes model models money month most mute node
    nodes normal notify number nvlink nvlinks nvswitch occupied offline online output overheating overview owner
    partition partitions past pending performance plain power preempted preemption preemptions price problem
    problems process processes progress queue queued queueing reason reasons reboot recent recently release
    remap remapped removed report requests requeue reset resolved resources restart result resume right room
    root rows rule rules runbook running runs safe schedule scheduled server servers service services severity
    should show silence silenced silences since slow slowdown slower slowest slurm space speed spend spending
    spent start started starting starts state status stderr still stop stopped storage straggler stuck submit
    summary switch temperature temperatures tensor terms thermal these thing things think this those throttle
    throttled throttling throughput time timeout today together tokens tonight topology total trend unavailable
    undo undrain unhealthy unhold unused usage used user users using utilisation utilization value version vllm
    wait waiting warm warning warnings waste wasted wasters wasting watching watt watts week what when where
    which while whom whose why will with worst wrong xid xids yesterday yield
"""
_COMMON = """
    fixing missing timing rising testing using owning
    able afternoon again against ahead allow almost alone along also although always among another answer anyone
    area around ask away back bad base been being best better both bring brought build cable call came cannot
    care case chance check clear close code codes color come coming core cores could cover data date days deal
    dear deep didn done draw drop dropped each early easy either else even evening ever every face fact fair
    fall fans fast feel felt fetch find fine first fit five fix fixed flag flat follow form found four friday
    from fund gave general get give given gives giving glad goes going gold gone good great group grow guess
    half hand hang hard have having head hear heard heat help her here high hint hope host hosts house however
    idea image input inside into isn item its itself job join keep kept keys kill kind knew know known knows
    land lane lanes large late later lead learn leave left less level life light like line lines little live
    lives loader local lock long look looking looks loop loss lots love mail main make makes making many mark
    math matter maybe meet mess mind mine miss mode monday months more morning move moved much must name named
    names near need needed needs never next nice night nine noise none noon note noted notes nothing now null
    often older ones only onto open order orders other others our over own page pair part parts peak people
    perhaps person pick piece place plan play pods point port ports post print prompt pull push put query quite
    rack raise range rank ranks rate rates rather ratio read reads real really rent rest ride rise risk road run
    safely said same saturday save saw say says scale score script second seconds see seed seem seems seen send
    sense sent set seven several shall shape shard share shell shift short side sign similar simple six size
    slice slices slot slots small some someone something sometimes soon sort source split spot stack stage stat
    stats stay step story such sunday sure table take taken takes talk tape task tasks team tell tells ten term
    test tests text than thank that their them then there they thin thread threads three thursday tick tiny told
    took tool tools trace train training tree tried true try trying tuesday turn twice two type under unit units
    until upon very view walk wall want wants was watch ways wednesday weeks weight weights went were west wide
    wife wild wind wires wish within without wonder word words work worker workers working works world worth
    would write wrote year years yell your zero zone
"""
VOCABULARY: frozenset[str] = frozenset(_MEANT.split())
"""Words that mean something to the analyst."""
EVERYDAY: frozenset[str] = frozenset(_COMMON.split())
"""Common words that a slip could be taken for, and that mean nothing by themselves."""
