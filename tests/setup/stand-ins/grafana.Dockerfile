# Stand-in for grafana/grafana: no Grafana, only a process in its place (grafana.mjs).
FROM node:24-bookworm-slim
COPY grafana.mjs /usr/share/grafana/
COPY --chmod=0755 grafana-run.sh /run.sh
RUN mkdir -p /etc/grafana /var/lib/grafana && chown 472:0 /var/lib/grafana && chmod 0777 /var/lib/grafana
USER 472
EXPOSE 3000
ENTRYPOINT ["/run.sh"]
