# shellcheck shell=bash
# What the head's and the workers' scripts share about Slurm. Sourced after lib.sh.
# shellcheck disable=SC2034  # read by those who source this

CTLD_PORT=6817
SLURMD_PORT=6818
MOST_HOST_NAME=63
GPU_LINKS=$RUN/gpu
NODE_NAME='^[a-z][a-z0-9-]{0,62}$'

# The user slurmctld runs as; root where an image has no such user.
slurm_user() { if id -u slurm >/dev/null 2>&1; then echo slurm; else echo root; fi; }

need_munge() {
    munge -n 2>/dev/null | unmunge >/dev/null 2>&1 ||
        trouble munge_failed "munge does not work on this pod: bring the key first (munge-key.sh)"
}

# Where Slurm listens on this pod, by pod.setup.listening and its words: sets LISTENS and LISTENS_NOTE.
choose_listening() {
    local said
    said=$("$PYTHON" -m pod.setup.listening "$@")
    LISTENS=$(sed -n 's/^listens=//p' <<<"$said")
    LISTENS_NOTE=$(sed -n 's/^note=//p' <<<"$said")
}
LISTENS="" LISTENS_NOTE=""

say_listening() {
    say listens "$LISTENS"
    [ -z "$LISTENS_NOTE" ] || say note "$LISTENS_NOTE"
}

# Leads this pod's own host name there: it is what Slurm's daemons and commands bind to (NoInAddrAny), and in a container
# it is that of another network, as its engine wrote it into /etc/hosts. ADDRESS
lead_own_name() {
    local name found
    name=$(uname -n)
    # Slurm gives up over a longer one; localhost is everybody's, and is to stay what it is.
    ((${#name} <= MOST_HOST_NAME)) || trouble bad_host_name "this pod's host name $name is longer than $MOST_HOST_NAME characters"
    if [[ ${name,,} == localhost* ]]; then
        [[ $1 == 127.* ]] || trouble bad_host_name "this pod's host name is $name, which cannot lead to $1"
    else
        [ -z "$(full_place /etc)" ] || trouble disk_full "there is no room for this pod's own name in /etc/hosts"
        "$PYTHON" -m pod.setup.hosts own "$name" "$1"
    fi
    found=$(own_address)
    [ "$found" = "$1" ] || trouble bad_host_name "this pod's host name $name leads to ${found:-nowhere} and not to $1"
    remember listens "$1"
}

# Where this pod's own host name leads.
own_address() { getent ahostsv4 "$(uname -n)" 2>/dev/null | awk '!seen[$1]++ { print $1 }' | paste -sd, - || true; }

# GPUs as GRES wants them: a file each, numbered from 0 without a gap. A pod with one GPU may have /dev/nvidia5 only, and
# Slurm would tell its jobs CUDA_VISIBLE_DEVICES=5 where CUDA knows nothing but 0. MINORS, by comma
link_gpus() {
    local minor count=0 minors=()
    IFS=, read -ra minors <<<"$1"
    if ! have_devices "${minors[@]}"; then
        # The driver may count in the machine's order, where the container has files by other numbers.
        mapfile -t minors < <(find /dev -maxdepth 1 -name 'nvidia[0-9]*' -printf '%f\n' | sed 's/^nvidia//' | sort -n)
        [ "${#minors[@]}" = "$(tr -cd , <<<"$1," | wc -c)" ] ||
            trouble gpu_devices "the driver counts the GPUs $1, and this pod has the device files /dev/nvidia{${minors[*]}}"
    fi
    rm -rf -- "$GPU_LINKS"
    install -d -m 755 -- "$GPU_LINKS"
    for minor in "${minors[@]}"; do
        ln -s -- "/dev/nvidia$minor" "$GPU_LINKS/nvidia$count"
        count=$((count + 1))
    done
}

have_devices() {
    local minor
    for minor in "$@"; do
        [ -e "/dev/nvidia$minor" ] || return 1
    done
}

# What Slurm knows of a node, as one line; nothing where it knows none, or does not answer.
node_record() { scontrol -o show node "$1" 2>/dev/null | grep "^NodeName=$1 " || true; }

# FIELD of a record
field_of() { sed -n "s/.*[[:space:]]$1=\([^[:space:]]*\).*/\1/p"; }

# Why a node is unfit: it is the rest of the record.
reason_of() { sed -n 's/.*[[:space:]]Reason=\(.*\)$/\1/p' | sed 's/[[:space:]]*\[slurm@.*//'; }
