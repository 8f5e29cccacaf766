#!/usr/bin/env bash
# For the image's HEALTHCHECK: 0 when the exporter answers and no service has given up.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

accepts 127.0.0.1 "$(exporter_port)" || trouble exporter_failed "the exporter does not answer"
for name in "${SERVICES[@]}"; do
    [ "$(service_state "$name")" != failed ] || trouble failed "$name has given up"
done
