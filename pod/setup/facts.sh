#!/usr/bin/env bash
# Prints what this pod is and has, as key=value lines; what is not known is left out.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

need_python
"$PYTHON" -m pod.setup.facts
version=$(slurm_version)
[ -z "$version" ] || say slurm_version "$version"
munge=$(munged --version 2>/dev/null | sed -n 's/^munge-\([0-9.]*\).*/\1/p' || true)
[ -z "$munge" ] || say munge "$munge"
pod=$(container_variable RUNPOD_POD_ID)
[ -z "$pod" ] || say pod_id "$pod"
say fingerprint "$(bash "$HERE/fingerprint.sh")"
if command -v vllm >/dev/null || [ -x "$ROOT/vllm-env/bin/vllm" ]; then say vllm yes; else say vllm no; fi
