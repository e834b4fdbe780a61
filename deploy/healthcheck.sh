#!/bin/bash
# Exits with 0 when the gateway's admin listener says that it serves. The image has no curl, so bash speaks the one line of HTTP itself.
# Not /readyz: a store that is away is no reason to restart a gateway, whose spool keeps the rows.
set -u
exec 3<> "/dev/tcp/127.0.0.1/${1:-8081}" || exit 1
printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 4 _ status _ <&3 && [ "$status" = 200 ]
