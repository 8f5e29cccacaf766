#!/usr/bin/env bash
# Takes the deployment's munge key (base64 on standard input) and keeps munged running on it; `--print` gives it out.
#
#   munge-key.sh [--print]
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

KEY=/etc/munge/munge.key
STARTS_WITHIN_S=15

need_root
if [ "${1:-}" = --print ]; then
    [ -s "$KEY" ] || trouble bad_key "there is no munge key on this pod yet"
    base64 -w 0 <"$KEY"
    echo
    exit 0
fi
[ $# = 0 ] || usage "munge-key.sh [--print]"
command -v munged >/dev/null || trouble no_slurm "munged is not on this pod: run install.sh without --no-slurm"
id -u munge >/dev/null 2>&1 || trouble munge_failed "there is no user munge on this pod"

works() { munge -n 2>/dev/null | unmunge >/dev/null 2>&1; }

socket_is_free() { ! works; }

over_or_works() { [ "$(service_state munge)" = failed ] || works; }

make_folders
install -d -m 700 -o munge -g munge -- /etc/munge /var/lib/munge /var/log/munge
install -d -m 755 -o munge -g munge -- /run/munge
umask 077
fresh=$(mktemp -- "$RUN/key.XXXXXX")
trap 'rm -f -- "$fresh"' EXIT
if ! tr -d '[:space:]' | base64 -d >"$fresh" 2>/dev/null; then
    [ -z "$(full_place "$RUN")" ] || trouble disk_full "there is no room for the key in $RUN"
    trouble bad_key "what came is not base64"
fi
size=$(wc -c <"$fresh")
((size >= 32 && size <= 1024)) || trouble bad_key "a munge key has 32 to 1024 bytes; $size came"
put 400 munge:munge "$KEY" <"$fresh"
changed=$CHANGED
key_id=$(sha256sum <"$KEY" | cut -c1-8)
umask 022
# Debian's own may run, on another key, where the image has a service manager.
if [ "$(service_state munge)" != running ] && works; then
    pkill -TERM -x munged || true
    await 10 socket_is_free || true
fi
started=$(supervise start munge --stamp "$key_id" -- \
    setpriv --reuid=munge --regid=munge --clear-groups munged --foreground)
if ! await "$STARTS_WITHIN_S" over_or_works || ! works; then
    trouble munge_failed "munged does not work: $(last_words "$LOGS/munge.log")"
fi
[ "$started" = changed=no ] || changed=yes
say changed "$changed"
say key_id "$key_id"
