# Stand-in for prom/prometheus: Debian's package in upstream's places, under upstream's user.
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends prometheus prometheus-alertmanager \
 && rm -rf /var/lib/apt/lists/*
RUN ln -s /usr/bin/prometheus /usr/bin/promtool /bin/ 2>/dev/null; \
    mkdir -p /prometheus && chown 65534:65534 /prometheus
USER 65534
WORKDIR /prometheus
EXPOSE 9090
VOLUME /prometheus
ENTRYPOINT ["/bin/prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
