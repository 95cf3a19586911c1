locals {
  monitors = yamldecode(file("${path.module}/prometheus-values.yml")).prometheus.additionalServiceMonitors
  relay_monitor = {
    name              = "drift-relay"
    selector          = { matchLabels = { "app.kubernetes.io/name" = "drift-relay" } }
    namespaceSelector = { matchNames = [var.namespace] }
    endpoints         = [{ port = "admin", path = "/metrics", interval = "15s" }]
  }
  prometheus_rules = {
    for name in ["fleet-drift-rules", "drift-rules", "relay-rules"] :
    name => yamldecode(file("${path.module}/../../prometheus/${name}.yml"))
  }
}

resource "helm_release" "monitoring_stack" {
  name             = "prometheus"
  repository       = "https://prometheus-community.github.io/helm-charts"
  chart            = "kube-prometheus-stack"
  version          = "63.1.0"
  namespace        = kubernetes_namespace.monitoring.metadata[0].name
  create_namespace = false # Grafana mounts a Secret that has to be there before
  timeout          = 900

  values = [
    file("${path.module}/prometheus-values.yml"),
    yamlencode({
      additionalPrometheusRulesMap = local.prometheus_rules
      prometheus                   = { additionalServiceMonitors = concat(local.monitors, [local.relay_monitor]) }
      grafana = {
        env = { RELAY_WEBHOOK_URL = "http://drift-relay.${var.namespace}.svc.cluster.local:9099/hooks/grafana" }
      }
    }),
  ]
  set_sensitive {
    name  = "grafana.adminPassword"
    value = var.grafana_admin_password
  }
  depends_on = [kubernetes_secret.grafana_webhook, kubernetes_config_map.dashboards, kubernetes_config_map.alerting]
}

resource "kubernetes_namespace" "monitoring" {
  metadata {
    name = "monitoring"
  }
}

# Grafana's contact point signs with it.
resource "kubernetes_secret" "grafana_webhook" {
  metadata {
    name      = "drift-webhook"
    namespace = kubernetes_namespace.monitoring.metadata[0].name
  }
  data = { webhook = var.webhook_secret }
}

# The chart's sidecars look for these labels.
resource "kubernetes_config_map" "dashboards" {
  metadata {
    name      = "drift-dashboards"
    namespace = kubernetes_namespace.monitoring.metadata[0].name
    labels    = { grafana_dashboard = "1" }
  }
  data = {
    for name in fileset("${path.module}/../../grafana/dashboards", "*.json") :
    name => file("${path.module}/../../grafana/dashboards/${name}")
  }
}

resource "kubernetes_config_map" "alerting" {
  metadata {
    name      = "drift-alerting"
    namespace = kubernetes_namespace.monitoring.metadata[0].name
    labels    = { grafana_alert = "1" }
  }
  data = {
    "drift-relay.yaml" = file("${path.module}/../../grafana/provisioning/alerting/drift-relay.yaml")
  }
}

# Alert rules: created once, then the operators' own.
resource "kubernetes_manifest" "grafana_seed" {
  manifest = yamldecode(replace(
    file("${path.module}/../kubernetes/grafana-seed.yaml"), "ghcr.io/acme/drift-relay-image", var.ghcr_relay_image,
  ))
  depends_on = [helm_release.monitoring_stack]
}
