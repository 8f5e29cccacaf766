#!/usr/bin/env bash
# Lets this pod join the cluster of a head, with the GPUs it has, and returns once the head calls it fit.
#
#   slurm-worker.sh --node NAME --head HOST[:PORT] --instance-id PODID [--within S]
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=slurm.sh
. "$HERE/slurm.sh"

JOINS_AGAIN_S=5

node="" head="" instance="" within_s=60 role=worker listen=""
while [ $# -gt 0 ]; do
    case $1 in
    --node) node=${2:-} && shift 2 ;;
    --head) head=${2:-} && shift 2 ;;
    --instance-id) instance=${2:-} && shift 2 ;;
    --within) within_s=${2:-} && shift 2 ;;
    --keep-role) role="" && shift ;;
    --listen) listen=${2:-} && shift 2 ;;
    *) usage "slurm-worker.sh: unknown argument $1" ;;
    esac
done
[[ $node =~ $NODE_NAME ]] || usage "slurm-worker.sh: --node takes a lower-case name"
[[ $head =~ ^[A-Za-z0-9.-]+(:[0-9]+)?$ ]] || usage "slurm-worker.sh: --head is HOST or HOST:PORT"
[[ $instance =~ ^[A-Za-z0-9._-]*$ && $within_s =~ ^[0-9]+$ ]] || usage "slurm-worker.sh: wrong --instance-id or --within"
[[ $listen =~ ^[0-9.]*$ ]] || usage "slurm-worker.sh: --listen is an IPv4 address"
host=${head%%:*} port=$CTLD_PORT
[ "$host" = "$head" ] || port=${head##*:}

# The controller knows the node, and has heard of it just now.
has_joined() {
    record=$(node_record "$node")
    state=$(field_of State <<<"$record")
    [ -n "$state" ] && [[ $state != *NOT_RESPONDING* && $state != *DOWN* && $state != *UNKNOWN* && $state != *\** ]]
}

over_or_joined() { [ "$(service_state slurmd)" = failed ] || has_joined; }

# What went wrong, as far as the logs tell; munge's own words are those of the pod that read the credential.
tell_failure() {
    local said
    # Asked only now: slurmctld logs a connection without a message as an error.
    accepts "$host" "$port" ||
        trouble head_unreachable "nothing answers at $host:$port, where the head's slurmctld ought to"
    said=$(tail -n 40 -- "$LOGS/slurmd.out" "$LOGS/slurmd.log" 2>/dev/null || true)
    case $said in
    # 22.05 hears nothing but a closed connection from a head that does not take its word.
    *"fetch remote configs: Zero Bytes"* | *"uthentication error"* | *"uthentication credential"* | *"nvalid credential"*)
        trouble munge_mismatch "the head does not take this pod's credentials: another munge key, or another time (munge-check.sh tells which)"
        ;;
    esac
    trouble slurmd_failed "$node does not join: $(last_words "$LOGS/slurmd.out" "$LOGS/slurmd.log")"
}

# Both are told by RunPod to every pod.
[ -n "$instance" ] || instance=$(container_variable RUNPOD_POD_ID)

# 23.11 and newer are told by a flag; for others the record says it in a field of its own.
mark_node() {
    [ -n "$instance" ] && [ "$takes_instance" = no ] || return 0
    [ "$(field_of Extra <<<"$record")" = "$instance" ] || scontrol update "nodename=$node" "extra=$instance" >/dev/null 2>&1 ||
        scontrol update "nodename=$node" "comment=$instance" >/dev/null 2>&1 || true
}

need_root
need_slurm
need_munge
need_python
make_folders
found=$("$PYTHON" -m pod.setup.facts)
conf=$(sed -n 's/^node_line=//p' <<<"$found")
kind=$(sed -n 's/^gpu_type=//p' <<<"$found")
devices=$(sed -n 's/^gpu_minors=//p' <<<"$found")
[ -n "$devices" ] || trouble no_gpu "the driver counts no GPU on this pod: $(grep -s '^gpus=' <<<"$found" || echo 'it does not answer')"
there=$(need_address "$host" "the head's address")
if [ -n "$listen" ]; then
    LISTENS=$listen
else
    choose_listening --head "$there" "$(address_of "$node")"
    [ -n "$LISTENS" ] || trouble head_unreachable "there is no way from this pod to $host, the head's address"
fi
lead_own_name "$LISTENS"
link_gpus "$devices"
install -d -m 755 -- /etc/slurm /run/slurm /var/spool/slurmd
for file in "$GPU_LINKS"/nvidia*; do
    printf 'Name=gpu Type=%s File=%s\n' "$kind" "$file"
done | put 644 root:root /etc/slurm/gres.local.conf
takes_instance=no
words=(slurmd -D -Z -N "$node" --conf-server "$host:$port" --conf "$conf")
if [ -n "$instance" ] && slurmd -h 2>&1 | grep -q -- --instance-id; then
    takes_instance=yes
    words+=(--instance-id "$instance")
fi
stamp=$(sha256sum </etc/slurm/gres.local.conf | cut -c1-8)-$LISTENS
started=$(supervise start slurmd --log "$LOGS/slurmd.out" --stop-s 20 --stamp "$stamp" -- "${words[@]}")
record="" state=""
if [ "$started" = changed=no ] && ! await "$JOINS_AGAIN_S" has_joined; then
    # A node that was taken off the list does not come back by itself while its slurmd runs on.
    supervise stop slurmd
    started=$(supervise start slurmd --log "$LOGS/slurmd.out" --stop-s 20 --stamp "$stamp" -- "${words[@]}")
fi
if ! await "$within_s" over_or_joined || ! has_joined; then
    tell_failure
fi
if [[ $state == *INVAL* ]]; then
    trouble node_invalid "the head calls $node unfit: $(reason_of <<<"$record")"
fi
mark_node
[ -z "$role" ] || remember role "$role"
remember node "$node"
remember head "$host"
[ "$started" = changed=no ] || CHANGED=yes
say node "$node"
say state "$state"
say conf "$conf"
say_listening
say changed "$CHANGED"
