#!/bin/bash
# Prints the status of GET /ready at an address, nothing where none comes in time: 503 is a coordinator that stops, or that
# cannot write its store. bash, since it can connect, and no client of HTTP is in the image.
set -eu
exec 3<> "/dev/tcp/$1/$2"
printf 'GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
IFS=' ' read -r _ status _ <&3
printf '%s\n' "$status"
