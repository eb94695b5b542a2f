# shellcheck shell=bash
# The cluster on Docker: docker-compose.yml, and one service more for each GPU.

# `threads` inside the coordinator's container.
readonly THREADS_IN_CONTAINER=(node /app/cli/main.ts)

compose() {
  local files=(-f "$ROOT/docker-compose.yml")
  ! on_postgres || files+=(-f "$ROOT/deploy/postgres.yml")
  [ ! -f "$STATE/gpu.yml" ] || files+=(-f "$STATE/gpu.yml")
  # For this call alone: whether the operator has named a file stays to be seen. It goes before the one that is made here.
  local receiver
  receiver=$(setting ALERTMANAGER_CONFIG '')
  if [ -z "$receiver" ] && [ -f "$STATE/alertmanager.yml" ]; then receiver=$STATE/alertmanager.yml; fi
  COORDINATORS=$(recall coordinators) ALERTMANAGER_CONFIG=$receiver "${COMPOSE[@]}" --project-directory "$ROOT" "${files[@]}" "$@"
}

in_coordinator() {
  compose exec -T coordinator "$@"
}

docker_deploy() {
  local workers=$1 gpus=$2
  docker_check "$gpus"
  ports_check
  store_check
  render_alert_receiver >/dev/null
  make_state
  remember_coordinators
  write_gpu_services "$gpus"
  write_alert_receiver
  remember place docker
  remember gpus "$gpus"
  step 'building the images (the first time takes some minutes)'
  compose build --quiet || fail 'the images could not be built' 'the lines above say why; docs/troubleshooting.md has the usual causes'
  roll_coordinators
  step 'starting'
  start_services "$workers" "$gpus"
  docker_first_words "$workers" "$gpus"
}

# start_services WORKERS GPUS
start_services() {
  if ! compose up -d --remove-orphans --scale "cpu-worker=$(($1 - $2))"; then
    compose logs --tail 15 coordinator >&2 || true
    fail 'not everything started' 'the lines above say what; ./deploy-cluster.sh logs coordinator has more'
  fi
  wait_for_nginx
  read_settings_again
  expect_workers "$1"
}

# Files that changed make no container anew. Not by `docker kill`, which counts as a wish that it stay down.
read_settings_again() {
  local service
  for service in prometheus alertmanager; do
    compose exec -T "$service" sh -c 'kill -HUP 1' || warn "$service did not read its settings again: docker compose restart $service"
  done
}

# Compose waits for the coordinator, which others need; nginx makes its first certificate meanwhile.
wait_for_nginx() {
  local container health seconds=0
  container=$(compose ps -q nginx)
  while health=$(docker inspect --format '{{if .State.Health}}{{.State.Health.Status}}{{end}}' "$container" 2>/dev/null); [ "$health" = starting ]; do
    seconds=$((seconds + 1))
    [ "$seconds" -le 120 ] || break
    sleep 1
  done
  case $health in
    starting | unhealthy) fail 'nginx does not answer' './deploy-cluster.sh logs nginx says why' ;;
  esac
}

# What `status` and the alert on lost workers compare with. In a file, for the coordinator need not restart.
expect_workers() {
  remember workers "$1"
  # shellcheck disable=SC2016 # expanded in the container
  in_coordinator sh -c 'printf "%s\n" "$1" >"$CLUSTER_SIZE_FILE"' sh "$1"
}

# One service for each of the first so many adapters, each with its own device.
write_gpu_services() {
  local wanted=$1 number=0 kind device
  rm -f "$STATE/gpu.yml"
  [ "$wanted" -gt 0 ] || return 0
  {
    printf '# Made by deploy-cluster.sh: each GPU worker has a device of its own.\nservices:\n'
    adapters | head -n "$wanted" | while read -r kind device _; do
      printf '  gpu-worker-%s:\n    extends: { file: %s, service: gpu-worker }\n' "$number" "$ROOT/deploy/gpu-worker.yml"
      printf '    depends_on: { coordinator: { condition: service_healthy } }\n'
      gpu_device "$kind" "$device"
      number=$((number + 1))
    done
  } >"$STATE/gpu.yml.new"
  mv -f "$STATE/gpu.yml.new" "$STATE/gpu.yml"
}

gpu_device() {
  case $1 in
    nvidia)
      printf '    environment: { GPU_ENABLED: auto }\n'
      printf '    deploy:\n      resources:\n        reservations:\n          devices:\n'
      printf "            - { driver: nvidia, device_ids: ['%s'], capabilities: [gpu, graphics, compute, utility] }\n" "$2"
      ;;
    dri)
      printf '    environment: { GPU_ENABLED: auto }\n'
      printf "    devices: ['/dev/dri/%s:/dev/dri/%s']\n" "$2" "$2"
      # The device belongs to a group of this machine, whose number the container does not know.
      printf "    group_add: ['%s']\n" "$(stat -c %g "/dev/dri/$2" 2>/dev/null || echo 44)"
      ;;
    software) printf "    environment: { GPU_ENABLED: 'true' }\n" ;;
  esac
}

write_alert_receiver() {
  [ -z "$(setting ALERTMANAGER_CONFIG '')" ] || return 0
  render_alert_receiver >"$STATE/alertmanager.yml"
  # Alertmanager runs as somebody else; the folder around keeps others of this machine out.
  chmod 644 "$STATE/alertmanager.yml"
}

docker_first_words() {
  local workers=$1 gpus=$2 key
  compose exec -T nginx cat /etc/threads/certificates/ca.crt >"$STATE/ca.crt" 2>/dev/null || rm -f "$STATE/ca.crt"
  say
  say "The cluster runs: $workers workers, $gpus of them with a GPU."
  say
  say "  pages       $(public_url)"
  if on_postgres; then
    say "  API         http://localhost:$(setting API_PORT 3000)   (this machine alone; $(recall coordinators) coordinators on PostgreSQL)"
  else
    say "  API         http://localhost:$(setting API_PORT 3000)   (this machine alone; submitting needs no key)"
  fi
  say "  Grafana     http://localhost:$(setting GRAFANA_PORT 3001)/grafana/   (user admin)"
  say "  Prometheus  http://localhost:$(setting PROMETHEUS_PORT 9091)"
  [ ! -f "$STATE/ca.crt" ] || say "  others      http://THIS-MACHINE$(port_after "$(setting HTTP_PORT 80)" 80)/trust tells them how to trust the certificate"
  [ "$(recall shown)" = yes ] && return 0
  say
  say "Grafana's password, shown this once: $(compose exec -T grafana cat /var/lib/grafana/admin-password 2>/dev/null || echo '(Grafana is still starting: docker compose exec grafana cat /var/lib/grafana/admin-password)')"
  key=$(in_coordinator "${THREADS_IN_CONTAINER[@]}" token create --user owner --role submitter --json | key_of_json) || key=''
  [ -n "$key" ] || fail 'no key for submitting could be made' './deploy-cluster.sh logs coordinator says why'
  say "A key for submitting through nginx, shown this once: $key"
  say 'Try it:'
  say "  curl $([ ! -f "$STATE/ca.crt" ] || printf -- '--cacert %s ' "$STATE/ca.crt")-H 'Authorization: Bearer $key' -H 'Content-Type: application/json' \\"
  say "    -d '{\"type\": \"collatz\", \"parameters\": {\"start\": \"1\", \"end\": \"1000000\"}}' $(public_url)/api/submit"
  say "The admin's key is on the coordinator's volume: docker compose exec coordinator cat /data/admin.key"
  remember shown yes
}

key_of_json() { sed -n 's/.*"key": *"\(tc_[^"]*\)".*/\1/p' | head -n 1; }

public_url() {
  local domain
  domain=$(setting DOMAIN '')
  printf 'https://%s%s\n' "${domain:-localhost}" "$(port_after "$(setting HTTPS_PORT 443)" 443)"
}

# port_after PORT USUAL
port_after() { [ "$1" = "$2" ] || printf ':%s' "$1"; }

docker_is_up() {
  docker_check 0
  if [ -z "$(compose ps -q coordinator 2>/dev/null)" ] || ! in_coordinator true 2>/dev/null; then
    fail 'the coordinator does not run' "./deploy-cluster.sh docker $(recall workers 3) $(recall gpus 0) starts it; ./deploy-cluster.sh logs coordinator says why it ended"
  fi
}

docker_status() {
  docker_check 0
  compose ps --all
  say
  in_coordinator "${THREADS_IN_CONTAINER[@]}" status ||
    fail 'the coordinator does not answer' './deploy-cluster.sh logs coordinator'
}

docker_logs() {
  docker_check 0
  if [ $# -eq 1 ] && ! compose config --services | grep -qxF -- "$1"; then
    refuse "there is no service '$1'" "one of: $(compose config --services | sort | tr '\n' ' ')"
  fi
  # Followed where somebody looks.
  if [ -t 1 ]; then compose logs --follow --tail 100 "$@"; else compose logs --no-color --tail 1000 "$@"; fi
}

docker_scale() {
  local workers=$1 gpus
  gpus=$(recall gpus 0)
  [ "$workers" -ge "$gpus" ] || refuse "$workers workers in all, and $gpus of them have a GPU" \
    "ask for at least $gpus, or for fewer GPU workers: ./deploy-cluster.sh docker $workers $workers"
  docker_is_up
  # Nothing that runs is made anew: a change of settings is for `docker N G`.
  compose up -d --no-recreate --scale "cpu-worker=$((workers - gpus))" cpu-worker
  expect_workers "$workers"
  say "$workers workers: $((workers - gpus)) by CPU, $gpus with a GPU."
}

docker_report() {
  docker_is_up
  in_coordinator "${THREADS_IN_CONTAINER[@]}" report "$@"
}

docker_stop() {
  docker_check 0
  compose stop
  say "Stopped. Data stays; ./deploy-cluster.sh docker $(recall workers 3) $(recall gpus 0) goes on with it."
}

docker_cleanup() {
  docker_check 0
  [ "$1" = --yes ] || confirmed 'Remove every container and ALL data: jobs, results, keys, metrics, certificates?' ||
    fail 'nothing was removed' 'answer y, or say --yes; ./deploy-cluster.sh backup first keeps a copy'
  compose down --volumes --remove-orphans
  rm -rf "$STATE"
  say 'Everything is removed but the images (docker image prune) and backups.'
}
