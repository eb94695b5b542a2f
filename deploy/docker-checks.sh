# shellcheck shell=bash
# What Docker lacks on this machine, found before anything is changed.

# docker_check GPUS: ends with 3 and what to do, or sets COMPOSE.
docker_check() {
  command -v docker >/dev/null 2>&1 ||
    missing 'Docker is not installed' 'Debian: apt-get install docker.io docker-compose-v2 docker-buildx (or docker-compose); others: https://docs.docker.com/engine/install/'
  local said
  if ! said=$(docker version --format '{{.Server.Version}}' 2>&1); then
    case $said in
      *'permission denied'*) missing "you may not use Docker's engine" "sudo usermod -aG docker $(id -un), then log in again; or run this as root" ;;
      *) missing "Docker's engine does not answer: $(printf '%s' "$said" | tail -n 1)" 'sudo systemctl start docker (or start Docker Desktop)' ;;
    esac
  fi
  find_compose
  [ "$1" -eq 0 ] || gpu_runtime_check "$1"
}

# shellcheck disable=SC2034 # COMPOSE is used in docker.sh
# COMPOSE is `docker compose` where that is there, else docker-compose.
find_compose() {
  if docker compose version >/dev/null 2>&1; then
    COMPOSE=(docker compose)
  elif command -v docker-compose >/dev/null 2>&1; then
    COMPOSE=(docker-compose)
  else
    missing 'Docker Compose is not installed' 'Debian: apt-get install docker-compose; others: https://docs.docker.com/compose/install/'
  fi
}

# Of the first so many adapters, those of NVIDIA need its runtime.
gpu_runtime_check() {
  local found
  found=$(adapters)
  enough_adapters "$1" "$(printf '%s' "$found" | grep -c . || true)" 'on this machine'
  if printf '%s\n' "$found" | head -n "$1" | grep -q '^nvidia'; then
    docker info --format '{{range $name, $runtime := .Runtimes}}{{$name}} {{end}}' | grep -qw nvidia ||
      missing "Docker has no NVIDIA runtime" "install nvidia-container-toolkit, then: sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker"
  fi
}

# Ports that somebody else holds; those of a cluster that runs already are its own.
ports_check() {
  [ -z "$(compose ps -q 2>/dev/null)" ] || return 0
  local taken='' name port
  for name in HTTP_PORT:80 HTTPS_PORT:443 API_PORT:3000 GRAFANA_PORT:3001 PROMETHEUS_PORT:9091; do
    port=$(setting "${name%%:*}" "${name##*:}")
    if is_taken "$port"; then taken="$taken ${name%%:*}=$port"; fi
  done
  [ -z "$taken" ] ||
    missing "in use already:$taken" "stop what listens there (ss -ltnp shows it), or choose others: HTTP_PORT=8080 HTTPS_PORT=8443 ./deploy-cluster.sh …"
}

# Whether something on this machine listens there.
is_taken() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# setting NAME OTHERWISE: the environment's, else that of .env, as Compose reads it.
setting() {
  local value=${!1:-}
  if [ -z "$value" ] && [ -f "$ROOT/.env" ]; then
    value=$(sed -n "s/^$1=//p" "$ROOT/.env" | tail -n 1 | tr -d "\"'")
  fi
  printf '%s\n' "${value:-$2}"
}
