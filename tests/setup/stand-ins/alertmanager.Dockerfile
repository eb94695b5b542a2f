# Stand-in for prom/alertmanager: Debian's package in upstream's places, under upstream's user. The first layer is
# that of prometheus.Dockerfile, so that Debian's packages are fetched once.
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends prometheus prometheus-alertmanager \
 && rm -rf /var/lib/apt/lists/*
RUN ln -s /usr/bin/prometheus-alertmanager /bin/alertmanager && ln -s /usr/bin/amtool /bin/ 2>/dev/null; \
    mkdir -p /etc/alertmanager /alertmanager && chown 65534:65534 /alertmanager
USER 65534
WORKDIR /alertmanager
EXPOSE 9093
VOLUME /alertmanager
ENTRYPOINT ["/bin/alertmanager"]
CMD ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"]
