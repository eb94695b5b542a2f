# shellcheck shell=bash
# Several coordinators on PostgreSQL, on Docker: deploy/postgres.yml on top of docker-compose.yml.

readonly MOST_COORDINATORS=32
# What !reset and !override in deploy/postgres.yml need.
readonly LEAST_COMPOSE=2.24

# Whether this cluster's coordinators share a PostgreSQL: they do from the call with COORDINATORS on.
on_postgres() { [ -n "$(recall coordinators)" ]; }

in_postgres() {
  compose exec -T postgres "$@"
}

wanted_coordinators() { setting COORDINATORS "$(recall coordinators)"; }

# Before anything is changed: COORDINATORS can be had here, and leaves no store behind.
store_check() {
  local wanted
  wanted=$(wanted_coordinators)
  [ -n "$wanted" ] || return 0
  whole COORDINATORS "$wanted" "$MOST_COORDINATORS"
  [ "$((10#$wanted))" -ge 1 ] || refuse 'a cluster has at least one coordinator' 'COORDINATORS=3 ./deploy-cluster.sh docker 3 1'
  compose_is_new_enough
  if ! on_postgres && has_volume coordinator-data; then
    fail 'this cluster has its jobs in the embedded store, and COORDINATORS needs them in PostgreSQL' \
      "./deploy-cluster.sh backup, then ./deploy-cluster.sh move $wanted (docs/operations.md, 'Several coordinators on PostgreSQL')"
  fi
}

compose_is_new_enough() {
  local version
  version=$("${COMPOSE[@]}" version --short 2>/dev/null) || version=''
  version=${version#v}
  [ "$(printf '%s\n%s\n' "$LEAST_COMPOSE" "$version" | sort -V | head -n 1)" = "$LEAST_COMPOSE" ] ||
    missing "Docker Compose ${version:-of an unknown version} is too old for COORDINATORS: $LEAST_COMPOSE or newer is needed" \
      'https://docs.docker.com/compose/install/'
}

has_volume() { docker volume inspect "$(project)_$1" >/dev/null 2>&1; }

remember_coordinators() {
  local wanted
  wanted=$(wanted_coordinators)
  [ -z "$wanted" ] || remember coordinators "$((10#$wanted))"
}

# One after the other where their image is another one now: Compose would make all of them anew at once.
roll_coordinators() {
  local image container
  on_postgres || return 0
  image=$(docker image inspect --format '{{.Id}}' "$(coordinator_image)" 2>/dev/null) || return 0
  for container in $(compose ps -q coordinator 2>/dev/null); do
    [ "$(docker inspect --format '{{.Image}}' "$container")" != "$image" ] || continue
    step 'a coordinator stops, and a new one takes its place'
    if ! docker stop "$container" >/dev/null || ! docker rm "$container" >/dev/null ||
      ! compose up -d --no-deps --no-recreate --wait coordinator >/dev/null; then
      fail 'the new coordinator does not become ready' './deploy-cluster.sh logs coordinator says why; the others run on'
    fi
  done
}

start_postgres() {
  step 'starting PostgreSQL'
  compose up -d --wait postgres || fail 'PostgreSQL did not start' './deploy-cluster.sh logs postgres says why'
}

# docker_move COORDINATORS: what the embedded store has goes into an empty database, and the old folder stays as it is.
docker_move() {
  docker_check 0
  compose_is_new_enough
  ! on_postgres || fail 'the coordinators of this cluster are on PostgreSQL already' "COORDINATORS=$1 ./deploy-cluster.sh docker $(recall workers 3) $(recall gpus 0) makes them $1"
  has_volume coordinator-data || fail 'there is no embedded store to move' "COORDINATORS=$1 ./deploy-cluster.sh docker 3 1 starts a new cluster"
  step 'stopping the cluster'
  compose stop || fail 'the cluster could not be stopped' 'the lines above say why'
  remember coordinators "$1"
  if (move_store); then
    say "Moved. ./deploy-cluster.sh docker $(recall workers 3) $(recall gpus 0) starts $1 coordinators on PostgreSQL, which go on from there."
    say 'The old store is still on the volume coordinator-data: delete it when all is well (docs/operations.md).'
    return 0
  fi
  # As before the call: the half of a move is worth nothing.
  compose rm --stop --force postgres store-password >&2 || true
  docker volume rm "$(project)_postgres-data" >/dev/null 2>&1 || true
  rm -f "$STATE/coordinators"
  fail 'the store could not be moved' "the lines above say why; nothing is lost: ./deploy-cluster.sh docker $(recall workers 3) $(recall gpus 0) goes on with the embedded store"
}

move_store() {
  compose build --quiet || fail 'the images could not be built' 'the lines above say why'
  start_postgres
  step 'moving the store'
  # Folder and address are in its environment.
  compose run --rm -T --no-deps coordinator move
}

# dump_store FILE: as of one moment, while the coordinators work; read once more, since a backup that can't be is none.
dump_store() {
  in_postgres pg_dump --username=postgres --format=custom --no-unlogged-table-data threads >"$1" ||
    fail 'the store could not be read' './deploy-cluster.sh logs postgres says why'
  in_postgres pg_restore --list <"$1" >/dev/null || fail 'what was read of the store is not whole' 'try again; ./deploy-cluster.sh logs postgres'
}

# restore_dump FILE, into the empty database of a PostgreSQL that runs.
restore_dump() {
  in_postgres pg_restore --username=postgres --dbname=threads --no-owner --role=threads --single-transaction --exit-on-error <"$1" ||
    fail 'the store was refused' 'the lines above say why; ./deploy-cluster.sh cleanup --yes, then try again'
  # A new key for leases, so that those of before are void.
  in_postgres psql --no-psqlrc --quiet --username=postgres --dbname=threads --set ON_ERROR_STOP=1 \
    --command='SET ROLE threads' --command='SELECT threads_after_restore()' >/dev/null ||
    fail 'the store was restored, and its old leases could not be made void' './deploy-cluster.sh cleanup --yes, then try again'
}
