#!/bin/sh
# Makes the password of the store, once, before PostgreSQL starts: `password` is PostgreSQL's to read, `url` the
# coordinators', and nobody else's. By root with the one capability to give files away, without a network (postgres.yml).
#
#   make-password.sh FOLDER
set -eu
folder=$1
# The coordinators' user, as their image has it.
coordinator=10001

# Written last: with it, all is there.
[ ! -e "$folder/url" ] || exit 0
umask 077
password=$(head -c 32 /dev/urandom | base64 | tr -d '=\n' | tr '+/' '-_')
printf '%s\n' "$password" > "$folder/password.new"
printf 'postgres://threads:%s@postgres:5432/threads\n' "$password" > "$folder/url.new"
chown postgres "$folder/password.new"
chown "$coordinator" "$folder/url.new"
mv -f "$folder/password.new" "$folder/password"
mv -f "$folder/url.new" "$folder/url"
