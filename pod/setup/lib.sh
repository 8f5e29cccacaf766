# shellcheck shell=bash
# What the scripts share: where things lie, how they speak, how they wait. Sourced at their top, never run.
#
# Every script ends with 0, or with a last line `trouble: CODE: sentence` on standard error (see docs/pods.md). Values
# go to standard output as key=value. A secret is neither an argument nor a line that anything here prints.
set -Eeuo pipefail
umask 022
export LC_ALL=C
PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/conda/bin"

HERE=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
ROOT=$(cd -P -- "$HERE/../.." && pwd -P)
RUN=${GPU_WATCHDOG_POD_RUN:-/run/gpu-watchdog}
LOGS=${GPU_WATCHDOG_POD_LOG:-/var/log/gpu-watchdog}
STATE=${GPU_WATCHDOG_POD_STATE:-/var/lib/gpu-watchdog}
SECRETS=${GPU_WATCHDOG_POD_SECRETS:-/dev/shm/gpu-watchdog}
# shellcheck disable=SC2034  # read by those who source this
SERVICES=(exporter munge slurmctld slurmd vllm watchdog)
EXIT_USAGE=64
EXIT_TROUBLE=70
LEAST_FREE_KB=2048
export RUN LOGS STATE SECRETS

trap 'unexpected $? "$BASH_COMMAND"' ERR

note() { printf '%s\n' "$*" >&2; }

# Text from outside, fit for one line of a terminal.
cleaned() { printf '%s' "$*" | tr '\n\t' '  ' | tr -d '\000-\037\177' | cut -c1-400; }

say() { printf '%s=%s\n' "$1" "$(cleaned "$2")"; }

trouble() {
    local code=$1
    shift
    printf 'trouble: %s: %s\n' "$code" "$(cleaned "$*")" >&2
    exit "$EXIT_TROUBLE"
}

usage() {
    printf 'trouble: usage: %s\n' "$(cleaned "$*")" >&2
    exit "$EXIT_USAGE"
}

# A command failed that nobody expected to: names it, its words unexpanded, unless a shell below has told already.
unexpected() {
    local status=$1 command=$2
    trap - ERR
    if [ "$status" = "$EXIT_TROUBLE" ] || [ "$status" = "$EXIT_USAGE" ]; then
        exit "$status"
    fi
    local full
    full=$(full_place "$ROOT" "$RUN" "$LOGS" "$STATE" /tmp /etc || true)
    if [ -n "$full" ]; then
        trouble disk_full "the file system of $full is full"
    fi
    trouble failed "$(basename -- "$0") did not get past \`$command\`, which ended with $status"
}

# The first of some places on a file system with next to nothing left.
full_place() {
    local place free
    for place in "$@"; do
        [ -e "$place" ] || continue
        free=$(df -Pk -- "$place" 2>/dev/null | awk 'NR == 2 { print $4 }') || continue
        if [ -n "$free" ] && [ "$free" -lt "$LEAST_FREE_KB" ]; then
            printf '%s\n' "$place"
            return 0
        fi
    done
}

need_root() { [ "$(id -u)" = 0 ] || trouble not_root "$(basename -- "$0") must be run as root"; }

make_folders() { install -d -m 755 -- "$RUN" "$LOGS" "$STATE"; }

# The first Python that is new enough; sets PYTHON, or leaves it empty.
find_python() {
    local name found
    PYTHON=""
    for name in "${GPU_WATCHDOG_PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        [ -n "$name" ] || continue
        found=$(command -v -- "$name") || continue
        if "$found" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            PYTHON=$found
            return 0
        fi
    done
}

need_python() {
    find_python
    [ -n "$PYTHON" ] || trouble no_python "there is no Python 3.11 or newer on this pod: run install.sh"
    export PYTHONPATH="$ROOT" PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
}

# Seconds to wait, then a command: until it succeeds.
await() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.1
    done
}

# Whether somebody accepts there.
# shellcheck disable=SC2016  # the inner shell expands it
accepts() { timeout 3 bash -c ': >"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null; }

# The address a name has on this pod; nothing where it has none.
address_of() {
    if [[ $1 =~ ^[0-9.]+$ || $1 == *:* ]]; then
        printf '%s\n' "$1"
        return 0
    fi
    getent ahostsv4 "$1" 2>/dev/null | awk 'NR == 1 { print $1 }' || true
}

# The address of a name on this pod, or the trouble that it has none Slurm could use. NAME WHAT
need_address() {
    local found
    found=$(address_of "$1")
    [ -n "$found" ] || found=$(getent ahostsv6 "$1" 2>/dev/null | awk '$1 !~ /^::ffff:/ { print $1; exit }' || true)
    [ -n "$found" ] || trouble bad_address "$1, $2, does not resolve on this pod"
    [[ $found != *:* ]] || trouble bad_address "$1, $2, has an IPv6 address only, and Slurm speaks IPv4 here"
    printf '%s\n' "$found"
}

# The last line of a log that says something, most wanted first: an error, else anything.
last_words() {
    local line
    line=$(tail -n 200 -- "$@" 2>/dev/null | grep -v '^==>' | grep -iE 'fatal|error|unable|cannot|denied' | tail -n 1 || true)
    [ -n "$line" ] || line=$(tail -n 20 -- "$@" 2>/dev/null | grep -v '^==>' | grep -v '^[[:space:]]*$' | tail -n 1 || true)
    printf '%s' "${line:-its log is empty}"
}

supervise() { bash "$HERE/supervise.sh" "$@"; }

service_state() { supervise status "$1" | sed -n 's/^state=//p'; }

# Refuses a port that somebody else has; what a killed supervisor left of our own is ended first. NAME ADDRESS PORT
need_port() {
    [ "$(service_state "$1")" != running ] || return 0
    supervise stop "$1"
    if accepts "$2" "$3"; then
        trouble port_taken "somebody else listens on $2:$3, where $1 ought to"
    fi
}

# Writes standard input to a file, whole or not at all; tells whether it is another than before. MODE OWNER FILE
put() {
    local mode=$1 owner=$2 file=$3 fresh
    fresh=$(mktemp -- "$file.XXXXXX")
    if ! cat >"$fresh"; then
        rm -f -- "$fresh"
        return 1
    fi
    chmod "$mode" -- "$fresh"
    chown "$owner" -- "$fresh"
    if cmp -s -- "$fresh" "$file"; then
        rm -f -- "$fresh"
        return 0
    fi
    mv -f -- "$fresh" "$file"
    # shellcheck disable=SC2034  # read by those who source this
    CHANGED=yes
}
# shellcheck disable=SC2034
CHANGED=no

# What was asked for, kept so that status.sh and the watchdog know it. NAME VALUE
remember() { printf '%s\n' "$2" | put 644 "$(id -u):$(id -g)" "$STATE/$1"; }

recalled() { cat -- "$STATE/$1" 2>/dev/null || true; }

# Where the exporter listens.
exporter_port() {
    local port
    port=$(recalled exporter-port)
    printf '%s' "${port:-9400}"
}

# A variable of the container, which a login over ssh does not get: out of the first process's environment.
container_variable() {
    if [ -n "${!1:-}" ]; then
        printf '%s' "${!1}"
    else
        tr '\0' '\n' 2>/dev/null </proc/1/environ | sed -n "s/^$1=//p" | head -n 1 || true
    fi
}

# 22.05.8 of `slurm-wlm 22.05.8`; nothing where there is no Slurm.
slurm_version() { slurmd -V 2>/dev/null | awk '{ print $NF }' || true; }

# Whether Slurm is at least this: 23.02
slurm_at_least() { [ "$(printf '%s\n%s\n' "$1" "$(slurm_version)" | sort -V | head -n 1)" = "$1" ]; }

need_slurm() {
    local name
    for name in slurmctld slurmd scontrol munged munge; do
        command -v "$name" >/dev/null || trouble no_slurm "$name is not on this pod: run install.sh without --no-slurm"
    done
    slurm_at_least 22.05 || trouble slurm_old "Slurm $(slurm_version) knows no dynamic nodes: 22.05 or newer is needed"
}
