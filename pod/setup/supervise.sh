#!/usr/bin/env bash
# Keeps one service running without systemd: starts it again after growing pauses, keeps its log small, ends it whole.
#
#   supervise.sh start NAME [--final "CODES"] [--log FILE] [--stop-s N] [--stamp TEXT] -- COMMAND …
#   supervise.sh stop NAME
#   supervise.sh status NAME
#
# A lock that dies with the supervisor tells whether it is alive; a pid alone may be somebody else's by now.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

FIRST_PAUSE_S=1
LONGEST_PAUSE_S=60
STEADY_S=60
MOST_LOG_BYTES=${GPU_WATCHDOG_MOST_LOG_BYTES:-33554432}
LOOK_S=20

action=${1:-}
name=${2:-}
[[ $name =~ ^[a-z][a-z0-9-]{0,31}$ ]] || usage "supervise.sh start|stop|status NAME"
shift 2
lock=$RUN/$name.lock
state_file=$RUN/$name.state

is_alive() { [ -e "$lock" ] && ! flock -s -n "$lock" true; }

is_free() { ! is_alive; }

field() { sed -n "s/^$1=//p" "$state_file" 2>/dev/null || true; }

# STATE PID RESTARTS EXIT
write_state() {
    local fresh=$state_file.$BASHPID
    printf 'state=%s\npid=%s\nsince=%s\nrestarts=%s\nexit=%s\n' "$1" "$2" "$(date +%s)" "$3" "$4" >"$fresh" &&
        mv -f -- "$fresh" "$state_file"
}

# When a process began: with its number that is a name no other process ever has.
birth() { awk '{ sub(/.*\) /, ""); print $20 }' "/proc/$1/stat" 2>/dev/null || true; }

# A supervisor that was killed leaves its service behind.
end_orphan() {
    local child born
    read -r child born 2>/dev/null <"$RUN/$name.child" || return 0
    if [ -n "$born" ] && [ "$(birth "$child")" = "$born" ]; then
        end_group "$child" "${1:-10}"
    fi
    rm -f -- "$RUN/$name.child"
}

# SIGTERM to the process, and SIGKILL to its whole group when it is still there after so many seconds.
end_group() {
    kill -TERM "$1" 2>/dev/null || true
    await "$2" is_gone "$1" || true
    kill -KILL -- "-$1" 2>/dev/null || true
}

# A zombie waits for its parent and does nothing any more.
is_gone() { ! grep -qs '^State:[[:space:]]*[^Z]' "/proc/$1/status"; }

rotate() {
    local size
    size=$(stat -c %s -- "$1" 2>/dev/null) || return 0
    [ "$size" -gt "$MOST_LOG_BYTES" ] || return 0
    # The writer holds the file open for appending, so it goes on at the start of the emptied one.
    cp -p -- "$1" "$1.1" 2>/dev/null || true
    : >"$1"
}

keep_logs_small() {
    while sleep "$LOOK_S" && kill -0 $$ 2>/dev/null; do
        rotate "$log"
        [ "$log" = "$LOGS/$name.log" ] || rotate "$LOGS/$name.log"
    done
}

run() {
    exec 9>"$lock"
    # Whoever asks whether we are alive holds the lock for a moment, too.
    flock -w 5 9 || exit 75
    local child=0 restarts=0 pause=$FIRST_PAUSE_S began code
    keep_logs_small 9>&- &
    local keeper=$!
    # shellcheck disable=SC2064  # the keeper's number is known now
    trap "kill $keeper 2>/dev/null; [ \$child = 0 ] || end_group \$child $stop_s; write_state stopped '' \$restarts ''; rm -f -- '$RUN/$name.child'; exit 0" TERM INT HUP
    trap - ERR
    set +e
    while :; do
        began=$SECONDS
        setsid "$@" </dev/null >>"$log" 2>&1 9>&- &
        child=$!
        printf '%s %s\n' "$child" "$(birth "$child")" >"$RUN/$name.child"
        write_state running "$child" "$restarts" "$(field exit)"
        wait "$child"
        code=$?
        kill -KILL -- "-$child" 2>/dev/null
        child=0
        if [ "$code" = 0 ] || [[ " $final " == *" $code "* ]]; then
            kill "$keeper" 2>/dev/null
            write_state "$([ "$code" = 0 ] && echo stopped || echo failed)" "" "$restarts" "$code"
            rm -f -- "$RUN/$name.child"
            exit 0
        fi
        [ $((SECONDS - began)) -lt "$STEADY_S" ] || pause=$FIRST_PAUSE_S
        restarts=$((restarts + 1))
        write_state waiting "" "$restarts" "$code"
        printf 'supervise: %s ended with %s; starting it again in %s s\n' "$name" "$code" "$pause" >>"$log"
        sleep "$pause" &
        wait $!
        pause=$((pause * 2 < LONGEST_PAUSE_S ? pause * 2 : LONGEST_PAUSE_S))
    done
}

stop() {
    local supervisor
    if is_alive; then
        supervisor=$(cat -- "$RUN/$name.pid" 2>/dev/null || true)
        [ -z "$supervisor" ] || kill -TERM "$supervisor" 2>/dev/null || true
        if ! await "$((stop_s + 5))" is_free; then
            [ -z "$supervisor" ] || kill -KILL "$supervisor" 2>/dev/null || true
            await 5 is_free || trouble failed "the supervisor of $name does not end"
        fi
    fi
    end_orphan "$stop_s"
    rm -f -- "$RUN/$name.command"
    [ ! -e "$state_file" ] || write_state stopped "" "$(field restarts)" "$(field exit)"
}

start() {
    make_folders
    local wanted
    wanted=$(printf '%q ' "$log" "$final" "$stop_s" "$stamp" "$@")
    if is_alive; then
        # One that waits is started at once: whoever calls has mended what it failed for.
        if [ "$(field state)" != waiting ] && [ "$(cat -- "$RUN/$name.command" 2>/dev/null || true)" = "$wanted" ]; then
            say changed no
            return
        fi
        stop
    fi
    end_orphan "$stop_s"
    rotate "$log"
    printf '%s\n' "$wanted" >"$RUN/$name.command"
    write_state starting "" 0 ""
    # A container's secrets are for no service but the one that ends the pod, which needs its key.
    [ "$name" = watchdog ] || unset RUNPOD_API_KEY HF_TOKEN HUGGING_FACE_HUB_TOKEN JUPYTER_PASSWORD
    # shellcheck disable=SC2094  # the log's name goes in, its content comes out
    setsid bash "$HERE/supervise.sh" run "$name" --final "$final" --log "$log" --stop-s "$stop_s" -- "$@" \
        </dev/null >>"$log" 2>&1 &
    printf '%s\n' "$!" >"$RUN/$name.pid"
    if ! await 10 has_begun; then
        write_state failed "" 0 ""
        trouble failed "the supervisor of $name did not start"
    fi
    say changed yes
}

has_begun() { [ "$(field state)" != starting ]; }

# Its supervisor was killed. Under the lock, since one that begins holds it before it writes.
tell_killed() {
    flock -s -n 8 || return 0
    if [[ $(field state) == running || $(field state) == waiting ]]; then
        write_state failed "" "$(field restarts)" "$(field exit)"
    fi
}

status() {
    [ ! -e "$lock" ] || tell_killed 8>>"$lock"
    if [ -e "$state_file" ]; then cat -- "$state_file"; else echo state=stopped; fi
}

final="" log=$LOGS/$name.log stop_s=10 stamp=""
while [ $# -gt 0 ]; do
    case $1 in
    --final) final=$2 && shift 2 ;;
    --log) log=$2 && shift 2 ;;
    --stop-s) stop_s=$2 && shift 2 ;;
    --stamp) stamp=$2 && shift 2 ;;
    --) shift && break ;;
    *) usage "supervise.sh: unknown argument $1" ;;
    esac
done
case $action in
start | run)
    [ $# -gt 0 ] || usage "supervise.sh start $name: no command behind --"
    "$action" "$@"
    ;;
stop)
    make_folders
    stop
    ;;
status) status ;;
*) usage "supervise.sh start|stop|status NAME" ;;
esac
