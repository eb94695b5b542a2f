#!/usr/bin/env bash
# Threads Cluster as services of systemd. `./install.sh help` tells the rest; systemd/README.md is the long form.
#
# What is missing is found out before anything is changed. A second run is an upgrade: settings, keys and data stay.
set -euo pipefail

HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
SOURCE=$(dirname -- "$HERE")
GROUP=threads-cluster
LEAST_NODE=20
APP=/opt/threads-cluster
SETTINGS=/etc/threads-cluster
UNITS=/etc/systemd/system
PROGRAM=/usr/local/bin/threads

usage() {
  cat <<'TEXT'
Usage: systemd/install.sh coordinator|worker… [options]
       systemd/install.sh uninstall [--yes]

  coordinator            a coordinator on this machine
  worker                 a worker on this machine; both: coordinator worker
  uninstall              stops and removes the services; asks before it deletes data

Options:
  --kind auto|cpu|gpu    what the worker computes on (auto: all that the machine has)
  --url URL              where the worker's coordinator is (http://127.0.0.1:3000)
  --key-file FILE        the workers' key, copied from the coordinator's /etc/threads-cluster/worker.key
  --no-key               the worker comes as a stranger, like any browser
  --dry-run              say what would be done, and change nothing
  --yes                  uninstall: delete data, settings and keys without asking
  --root FOLDER          install below this folder, as for an image; users are not made
  --no-systemd           neither enable nor start anything
  help                   this text
TEXT
}

fail() {
  printf '%s\n  %s\n' "$1" "$2" >&2
  exit 1
}

say() { printf '%s\n' "$1"; }

# run COMMAND…: does it, or says what it would do.
run() {
  if [ "$DRY_RUN" = yes ]; then
    printf 'would run:'
    printf ' %q' "$@"
    printf '\n'
  else
    "$@"
  fi
}

ROLES=()
COMMAND=install
KIND=auto
URL=
KEY_FILE=
WITH_KEY=yes
DRY_RUN=no
YES=no
PREFIX=
SYSTEMD=yes

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      coordinator | worker) ROLES+=("$1") ;;
      uninstall) COMMAND=uninstall ;;
      help | --help | -h)
        usage
        exit 0
        ;;
      --kind | --url | --key-file | --root)
        [ $# -ge 2 ] || fail "$1 needs a value" "$0 help"
        case $1 in
          --kind) KIND=$2 ;;
          --url) URL=$2 ;;
          --key-file) KEY_FILE=$2 ;;
          --root)
            [ -d "$2" ] || fail "there is no folder $2" "mkdir -p '$2'"
            PREFIX=$(cd -- "$2" && pwd)
            ;;
        esac
        shift
        ;;
      --no-key) WITH_KEY=no ;;
      --dry-run) DRY_RUN=yes ;;
      --yes) YES=yes ;;
      --no-systemd) SYSTEMD=no ;;
      *)
        usage >&2
        printf '\n' >&2
        fail "there is no $1" "$0 help"
        ;;
    esac
    shift
  done
  case $KIND in
    auto | cpu | gpu) ;;
    *) fail "--kind $KIND is none" 'give auto, cpu or gpu' ;;
  esac
  if [ "$COMMAND" = install ] && [ ${#ROLES[@]} -eq 0 ]; then
    usage >&2
    exit 2
  fi
}

has_role() {
  local role
  for role in ${ROLES[@]+"${ROLES[@]}"}; do [ "$role" = "$1" ] && return 0; done
  return 1
}

# Everything that is missing, at once.
check() {
  local missing=()
  if [ -z "$PREFIX" ] && [ "$(id -u)" -ne 0 ] && [ "$DRY_RUN" = no ]; then
    missing+=("root's rights: run it by sudo")
  fi
  if [ "$SYSTEMD" = yes ]; then
    if [ -n "$PREFIX" ]; then
      missing+=('a running system below --root: add --no-systemd')
    elif [ ! -d /run/systemd/system ] || ! command -v systemctl >/dev/null; then
      missing+=('systemd: this system was not started by it; ./deploy-cluster.sh docker needs none')
    fi
  fi
  if [ "$COMMAND" = install ]; then
    local version
    version=$(node --version 2>/dev/null || true)
    case $version in
      v[0-9]*)
        [ "$(printf '%s' "${version#v}" | cut -d. -f1)" -ge "$LEAST_NODE" ] ||
          missing+=("Node $LEAST_NODE or newer: this is $version")
        ;;
      *) missing+=("Node $LEAST_NODE or newer: install nodejs, and look whether sudo finds it") ;;
    esac
    local tool
    for tool in npm tar; do
      command -v "$tool" >/dev/null || missing+=("$tool: install it")
    done
    if [ -n "$KEY_FILE" ]; then
      is_key "$KEY_FILE" || missing+=("a key in $KEY_FILE (one line, tc_…): copy the coordinator's $SETTINGS/worker.key")
    elif [ "$WITH_KEY" = yes ] && ! has_role coordinator && [ ! -e "$PREFIX$SETTINGS/worker.key" ]; then
      missing+=("the workers' key: --key-file FILE (the coordinator's $SETTINGS/worker.key), or --no-key to come as a stranger")
    fi
    if [ -n "$URL" ] && ! printf '%s' "$URL" | grep -Eqx 'https?://[][A-Za-z0-9.:_-]+'; then
      missing+=("an address in --url $URL: such as http://coordinator:3000")
    fi
  fi
  [ ${#missing[@]} -eq 0 ] && return
  printf 'Missing, nothing was changed:\n' >&2
  printf '  %s\n' "${missing[@]}" >&2
  exit 1
}

is_key() { [ -r "$1" ] && grep -Eqx 'tc_[0-9a-f]{12}_[A-Za-z0-9_-]{43}' "$1"; }

make_users() {
  [ -z "$PREFIX" ] || return 0
  getent group "$GROUP" >/dev/null || run groupadd --system "$GROUP"
  local role user group
  for role in "${ROLES[@]}"; do
    user=threads-$role
    getent passwd "$user" >/dev/null ||
      run useradd --system --gid "$GROUP" --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin "$user"
  done
  # The groups that own GPUs, where the system has them.
  if has_role worker; then
    for group in video render; do
      if getent group "$group" >/dev/null; then run usermod --append --groups "$group" threads-worker; fi
    done
  fi
}

# Made whole beside its place, so that services go on with the old one until the new one can be started.
install_program() {
  local app=$PREFIX$APP
  local fresh=$app.new
  say "Program: $app (the first time some minutes)"
  run rm -rf -- "$fresh"
  run mkdir -p -- "$fresh"
  run copy_source "$fresh"
  # What the lock file has not changed is not fetched again.
  if [ -e "$app/node_modules" ]; then run copy_modules "$app" "$fresh"; fi
  run build_program "$fresh"
  if [ -z "$PREFIX" ]; then run chown -R root:root -- "$fresh"; fi
  run chmod -R u+rwX,go+rX,go-w -- "$fresh"
  run rm -rf -- "$app.old"
  if [ -e "$app" ]; then run mv -- "$app" "$app.old"; fi
  run mv -- "$fresh" "$app"
  run rm -rf -- "$app.old"
  run mkdir -p -- "$PREFIX/usr/local/bin"
  run write_program "$PREFIX$PROGRAM"
}

copy_source() {
  tar -C "$SOURCE" -cf - --exclude=./.git --exclude=./node_modules --exclude=./build --exclude=./.cache \
    --exclude=./.cluster --exclude=./data --exclude=./backups --exclude=./tests --exclude=./.env . | tar -C "$1" -xf -
}

copy_modules() {
  cp -al -- "$1/node_modules" "$2/node_modules" 2>/dev/null || cp -a -- "$1/node_modules" "$2/node_modules"
  if [ -d "$1/build" ]; then cp -a -- "$1/build" "$2/build"; fi
}

build_program() {
  (cd -- "$1" && node scripts/bootstrap.mjs cli/main.ts --version >/dev/null) ||
    fail 'the program could not be built (above is why); what was installed before is as it was' 'mend it, and run this again'
}

write_program() {
  cat >"$1" <<TEXT
#!/bin/sh
# Threads Cluster: written by systemd/install.sh, removed by its uninstall.
exec $APP/node_modules/.bin/node --disable-warning=ExperimentalWarning $APP/cli/main.ts "\$@"
TEXT
  chmod 755 "$1"
}

# Settings that are there already stay.
install_settings() {
  local folder=$PREFIX$SETTINGS
  run mkdir -p -- "$folder"
  run chmod 750 -- "$folder"
  if [ -z "$PREFIX" ]; then run chown "root:$GROUP" -- "$folder"; fi
  local role
  for role in "${ROLES[@]}"; do
    local file=$folder/$role.env
    if [ -e "$file" ]; then
      say "Settings: $file stays as it is"
    else
      say "Settings: $file"
      run write_settings "$role" "$file"
      own "$file"
    fi
  done
  [ "$WITH_KEY" = yes ] || return 0
  local key=$folder/worker.key
  if [ -n "$KEY_FILE" ]; then
    run copy_key "$KEY_FILE" "$key"
  elif [ -e "$key" ]; then
    say "Workers' key: $key stays as it is"
    return 0
  else
    run make_key "$key"
  fi
  say "Workers' key: $key"
  own "$key"
}

own() {
  run chmod 640 -- "$1"
  if [ -z "$PREFIX" ]; then run chown "root:$GROUP" -- "$1"; fi
}

write_settings() {
  local role=$1 file=$2
  (
    umask 077
    sed -e "s|^COORDINATOR_URL=.*|COORDINATOR_URL=${URL:-http://127.0.0.1:3000}|" "$HERE/$role.env" >"$file"
    if [ "$WITH_KEY" = no ]; then sed -i -e 's|^API_KEY_FILE=|# &|' "$file"; fi
  )
}

copy_key() {
  [ "$1" -ef "$2" ] || (
    umask 077
    cat -- "$1" >"$2"
  )
}

# As the coordinator makes them: it takes in one that it has never seen.
make_key() {
  local id secret
  id=$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
  secret=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n')
  (
    umask 077
    printf 'tc_%s_%s\n' "$id" "$secret" >"$1"
  )
}

install_units() {
  run mkdir -p -- "$PREFIX$UNITS"
  local units=() role
  for role in "${ROLES[@]}"; do
    case $role in
      coordinator)
        run install -m 644 -- "$HERE/threads-coordinator.service" "$PREFIX$UNITS/"
        units+=(threads-coordinator.service)
        ;;
      worker)
        run install -m 644 -- "$HERE/threads-worker@.service" "$PREFIX$UNITS/"
        units+=("threads-worker@$KIND.service")
        ;;
    esac
  done
  if [ "$SYSTEMD" = no ]; then
    say "Units: $PREFIX$UNITS: ${units[*]} (not started)"
    return
  fi
  run systemctl daemon-reload
  run systemctl enable -- "${units[@]}"
  run systemctl restart -- "${units[@]}"
  say "Started: ${units[*]}"
  say "What they say: journalctl -f -u ${units[0]}"
}

uninstall() {
  local unit
  if [ "$SYSTEMD" = yes ]; then
    for unit in threads-coordinator threads-worker@auto threads-worker@cpu threads-worker@gpu; do
      # One that is not there is none to stop.
      run systemctl disable --now --quiet -- "$unit.service" 2>/dev/null || true
    done
  fi
  run rm -f -- "$PREFIX$UNITS/threads-coordinator.service" "$PREFIX$UNITS/threads-worker@.service" "$PREFIX$PROGRAM"
  if [ "$SYSTEMD" = yes ]; then run systemctl daemon-reload; fi
  run rm -rf -- "$PREFIX$APP" "$PREFIX$APP.new" "$PREFIX$APP.old"
  run rm -rf -- "$PREFIX/var/cache/threads-coordinator" "$PREFIX/var/cache/threads-worker"
  local data=("$PREFIX/var/lib/threads-coordinator" "$PREFIX/var/lib/threads-worker" "$PREFIX$SETTINGS")
  if may_delete "${data[@]}"; then
    run rm -rf -- "${data[@]}"
    if [ -z "$PREFIX" ]; then
      local user
      for user in threads-coordinator threads-worker; do
        if getent passwd "$user" >/dev/null; then run userdel "$user"; fi
      done
      if getent group "$GROUP" >/dev/null; then run groupdel "$GROUP"; fi
    fi
    say 'Everything is removed.'
  else
    say "Services and program are removed; data, settings and keys stay in ${data[*]}"
  fi
}

may_delete() {
  [ "$YES" = no ] || return 0
  [ "$DRY_RUN" = no ] || return 1
  [ -t 0 ] || return 1
  local answer
  printf 'Delete jobs, results, settings and keys too (%s)? [y/N] ' "$*"
  read -r answer
  [ "$answer" = y ] || [ "$answer" = Y ]
}

read_arguments "$@"
check
if [ "$COMMAND" = uninstall ]; then
  uninstall
  exit
fi
make_users
install_program
install_settings
install_units
