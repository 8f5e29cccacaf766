#!/usr/bin/env bash
# Prints 16 hex digits over every file of pod/: the same here and on the machine that deploys, the bundle is the same.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

cd -- "$ROOT"
find pod -type f ! -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16
