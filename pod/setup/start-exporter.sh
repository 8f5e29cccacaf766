#!/usr/bin/env bash
# Serves this pod's GPUs and logs on loopback, and returns once the page answers.
#
#   start-exporter.sh [--node NAME] [--expect-gpus N] [--port N] [--token]      (--token: one line on standard input)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

STARTS_WITHIN_S=20
BAD_ADDRESS=69
BAD_SETTINGS=64

node="" expected="" port=9400 with_token=no
while [ $# -gt 0 ]; do
    case $1 in
    --node) node=${2:-} && shift 2 ;;
    --expect-gpus) expected=${2:-} && shift 2 ;;
    --port) port=${2:-} && shift 2 ;;
    --token) with_token=yes && shift ;;
    *) usage "start-exporter.sh: unknown argument $1" ;;
    esac
done
[[ $port =~ ^[0-9]+$ && $expected =~ ^[0-9]*$ ]] || usage "start-exporter.sh: --port and --expect-gpus take numbers"

answers() {
    "$PYTHON" - "http://127.0.0.1:$port/metrics" "$token_file" <<'PYTHON'
import sys
import urllib.request

request = urllib.request.Request(sys.argv[1])
if sys.argv[2]:
    with open(sys.argv[2], encoding="utf-8") as file:
        request.add_header("Authorization", f"Bearer {file.read().strip()}")
try:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
        sys.exit(b"gpu_watchdog_" not in answer.read())
except OSError:
    sys.exit(1)
PYTHON
}

stopped_or_answers() { [ "$(service_state exporter)" != running ] || answers; }

need_root
need_python
make_folders
install -d -m 700 -- "$SECRETS"
token_file=""
if [ "$with_token" = yes ]; then
    token_file=$SECRETS/exporter-token
    (umask 077 && tr -d '[:space:]' | put 600 root:root "$token_file")
    [ "$(wc -c <"$token_file")" -ge 16 ] || usage "start-exporter.sh: --token wants a token of 16 characters or more"
fi
words=(--bind 127.0.0.1 --port "$port" --log "boot=$LOGS/boot.log")
for name in "${SERVICES[@]}"; do
    words+=(--log "$name=$LOGS/$name.log")
done
[ -z "$node" ] || words+=(--hostname "$node")
[ -z "$expected" ] || words+=(--expect-gpus "$expected")
stamp=none
if [ -n "$token_file" ]; then
    words+=(--token-file "$token_file")
    stamp=$(sha256sum <"$token_file" | cut -c1-8)
fi
stamp=$stamp-$(bash "$HERE/fingerprint.sh")
remember exporter-port "$port"
need_port exporter 127.0.0.1 "$port"
supervise start exporter --final "$BAD_SETTINGS $BAD_ADDRESS" --stamp "$stamp" -- "$PYTHON" -m pod.exporter "${words[@]}"
if ! await "$STARTS_WITHIN_S" stopped_or_answers || [ "$(service_state exporter)" != running ]; then
    if [ "$(supervise status exporter | sed -n 's/^exit=//p')" = "$BAD_ADDRESS" ]; then
        trouble port_taken "the exporter cannot listen on 127.0.0.1:$port"
    fi
    trouble exporter_failed "the exporter does not answer: $(last_words "$LOGS/exporter.log")"
fi
say url "http://127.0.0.1:$port/metrics"
say pid "$(supervise status exporter | sed -n 's/^pid=//p')"
