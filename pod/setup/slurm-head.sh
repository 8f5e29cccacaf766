#!/usr/bin/env bash
# Runs the cluster's controller here; workers fetch their configuration from it and join by themselves.
#
#   slurm-head.sh --cluster NAME --node NAME --address IP|NAME [--compute]
#
# --compute: this pod takes jobs as well. The configuration is that of dynamic nodes: no node stands in it.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=slurm.sh
. "$HERE/slurm.sh"

CONF=/etc/slurm/slurm.conf
SPOOL=/var/spool/slurmctld
UP_WITHIN_S=60

cluster="" node="" address="" compute=no instance=""
while [ $# -gt 0 ]; do
    case $1 in
    --cluster) cluster=${2:-} && shift 2 ;;
    --node) node=${2:-} && shift 2 ;;
    --address) address=${2:-} && shift 2 ;;
    --instance-id) instance=${2:-} && shift 2 ;;
    --compute) compute=yes && shift ;;
    *) usage "slurm-head.sh: unknown argument $1" ;;
    esac
done
[[ $cluster =~ $NODE_NAME && $node =~ $NODE_NAME ]] || usage "slurm-head.sh: --cluster and --node take lower-case names"
[[ $address =~ ^[A-Za-z0-9.:-]+$ ]] || usage "slurm-head.sh: --address is an IP address or a name"

parameters() {
    # Where it is not yet the default, a node that comes again with another address (a new pod) would not be found.
    if slurm_at_least 23.11; then echo enable_configless; else echo enable_configless,cloud_reg_addrs; fi
}

# Pods have no cgroups to write to. Older releases refuse `disabled`; v1 is what they do not touch without need.
cgroup_conf() {
    if slurm_at_least 24.05; then echo CgroupPlugin=disabled; else echo CgroupPlugin=cgroup/v1; fi
}

slurm_conf() {
    cat <<CONF
# Written by slurm-head.sh; workers fetch it from here, and it is written anew when the script runs again.
ClusterName=$cluster
SlurmctldHost=$(uname -n)($address)
SlurmctldPort=$CTLD_PORT
SlurmdPort=$SLURMD_PORT
SlurmUser=$(slurm_user)
AuthType=auth/munge
# Everything of Slurm's listens where its pod's own host name leads (lead_own_name), and not on every interface.
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldParameters=$(parameters)
# What a worker says of itself counts: a container sees fewer processors and less memory than its machine has.
SlurmdParameters=config_overrides
StateSaveLocation=$SPOOL
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldPidFile=/run/slurm/slurmctld.pid
SlurmdPidFile=/run/slurm/slurmd.pid
SlurmctldLogFile=$LOGS/slurmctld.log
SlurmdLogFile=$LOGS/slurmd.log
SlurmctldDebug=info
SlurmdDebug=info
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=15
MailProg=/bin/true
MpiDefault=none
ReturnToService=2
SlurmctldTimeout=60
SlurmdTimeout=60
MessageTimeout=15
KillWait=15
InactiveLimit=0
MinJobAge=600
PropagateResourceLimits=NONE
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=5,bf_interval=10,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
MaxNodeCount=256
TreeWidth=65533
NodeSet=gpunodes Feature=gpu
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=UNLIMITED State=UP
CONF
}

controller_is_up() { scontrol ping 2>/dev/null | grep -q 'is UP'; }

over_or_up() { [ "$(service_state slurmctld)" != running ] || controller_is_up; }

need_root
need_slurm
need_munge
need_python
make_folders
private=$(need_address "$address" "the head's address")
# A name that is loopback on its own pod is something else for the others; an address is what it is.
named=()
[[ $address == "$private" || $address == localhost ]] || named=(--named)
choose_listening "${named[@]}" "$private"
lead_own_name "$LISTENS"
user=$(slurm_user)
install -d -m 755 -- /etc/slurm /run/slurm /var/spool/slurmd
install -d -m 755 -o "$user" -- "$SPOOL"
touch -- "$LOGS/slurmctld.log"
chown "$user" -- "$LOGS/slurmctld.log"
chown "$user" -- /run/slurm
slurm_conf | put 644 root:root "$CONF"
cgroup_conf | put 644 root:root /etc/slurm/cgroup.conf
# Each node's own devices stand in a file of its own: how many there are differs, and a missing one ends slurmd.
printf 'Include %s\n' /etc/slurm/gres.local.conf | put 644 root:root /etc/slurm/gres.conf
[ -e /etc/slurm/gres.local.conf ] || : | put 644 root:root /etc/slurm/gres.local.conf
need_port slurmctld "$(address_of "$address")" "$CTLD_PORT"
stamp=$(cat -- "$CONF" /etc/slurm/cgroup.conf | sha256sum | cut -c1-8)-$LISTENS
started=$(supervise start slurmctld --log "$LOGS/slurmctld.out" --stamp "$stamp" -- slurmctld -D)
if ! await "$UP_WITHIN_S" over_or_up || ! controller_is_up; then
    trouble slurmctld_failed "slurmctld does not come up: $(last_words "$LOGS/slurmctld.out" "$LOGS/slurmctld.log")"
fi
remember role head
remember cluster "$cluster"
remember node "$node"
remember head "$address"
[ "$started" = changed=no ] || CHANGED=yes
say slurmctld up
say slurm_version "$(slurm_version)"
say_listening
if [ "$compute" = no ]; then
    say changed "$CHANGED"
    exit 0
fi
joined=$(bash "$HERE/slurm-worker.sh" --node "$node" --head "$address" --instance-id "$instance" --listen "$LISTENS" --keep-role)
printf '%s\n' "$joined" | grep -vE '^(changed|listens)='
[ "$CHANGED" = yes ] || CHANGED=$(sed -n 's/^changed=//p' <<<"$joined")
say changed "$CHANGED"
