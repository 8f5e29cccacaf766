#!/usr/bin/env bash
# Takes a node off the cluster's list, on the head: slurm-leave.sh --node NAME. One that is not on it is fine.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=slurm.sh
. "$HERE/slurm.sh"

[[ ${1:-} == --node && ${2:-} =~ $NODE_NAME ]] || usage "slurm-leave.sh --node NAME"
node=$2
need_root
need_slurm
scontrol ping 2>/dev/null | grep -q 'is UP' || trouble slurmctld_failed "slurmctld does not answer on this pod"
say node "$node"
if [ -z "$(node_record "$node")" ]; then
    say removed no
    exit 0
fi
if ! said=$(scontrol delete "nodename=$node" 2>&1); then
    jobs=$(squeue -h -w "$node" -o %A 2>/dev/null | tr '\n' ' ' || true)
    [ -z "$jobs" ] || trouble node_busy "jobs run on $node: $jobs"
    trouble failed "Slurm does not let $node go: $said"
fi
say removed yes
