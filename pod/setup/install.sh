#!/usr/bin/env bash
# Makes a stock image a node: folders, Python, Slurm and munge where they are missing; prints the pod's facts.
#
#   install.sh [--no-slurm] [--least-disk-mb N]
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

APT_TRIES=${GPU_WATCHDOG_APT_TRIES:-3}
POLICY=/usr/sbin/policy-rc.d

with_slurm=yes least_disk_mb=1024
while [ $# -gt 0 ]; do
    case $1 in
    --no-slurm) with_slurm=no && shift ;;
    --least-disk-mb) least_disk_mb=${2:-} && shift 2 ;;
    *) usage "install.sh: unknown argument $1" ;;
    esac
done
[[ $least_disk_mb =~ ^[0-9]+$ ]] || usage "install.sh: --least-disk-mb takes a number"

need_disk() {
    local place free
    for place in "$ROOT" "$LOGS" "$STATE" /var/cache /tmp; do
        [ -e "$place" ] || continue
        free=$(df -Pm -- "$place" | awk 'NR == 2 { print $4 }')
        [ "$free" -ge "$least_disk_mb" ] ||
            trouble disk_full "$place has $free MiB left and $least_disk_mb are needed"
    done
}

# Debian and Ubuntu start what they install; here the scripts do.
apt() {
    local try=1 said made_policy=no
    command -v apt-get >/dev/null || trouble apt_failed "this image has no apt-get to install $* with"
    if [ ! -e "$POLICY" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$POLICY"
        chmod 755 "$POLICY"
        made_policy=yes
    fi
    said=$(mktemp)
    while :; do
        note "installing $* (try $try of $APT_TRIES)"
        if DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 -o Acquire::Retries=$((APT_TRIES - 1)) update >"$said" 2>&1 &&
            DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=$((APT_TRIES - 1)) \
                install --no-install-recommends "$@" >"$said" 2>&1; then
            break
        fi
        if [ "$try" -ge "$APT_TRIES" ] || grep -qE "Unable to locate|Couldn't find any package" "$said"; then
            break
        fi
        sleep $((try * 5))
        try=$((try + 1))
    done
    [ "$made_policy" = no ] || rm -f -- "$POLICY"
    APT_SAID=$(grep -E '^(E|W):' "$said" | tail -n 1 || true)
    rm -f -- "$said"
}

has_all() {
    local name
    for name in "$@"; do
        command -v "$name" >/dev/null || return 1
    done
}

need_root
make_folders
install -d -m 700 -- "$SECRETS"
need_disk
find_python
if [ -z "$PYTHON" ]; then
    apt python3
    find_python
    [ -n "$PYTHON" ] || apt python3.11
    find_python
    [ -n "$PYTHON" ] || trouble no_python "this image has no Python 3.11 or newer and apt brings none: ${APT_SAID:-}"
fi
if [ "$with_slurm" = yes ]; then
    if ! has_all slurmctld slurmd scontrol munged munge; then
        apt slurmctld slurmd slurm-client munge
        has_all slurmctld slurmd scontrol munged munge ||
            trouble apt_failed "Slurm and munge could not be installed: ${APT_SAID:-apt does not say why}"
    fi
    need_slurm
fi
bash "$HERE/facts.sh"
