locals {
  relay_text = replace(
    replace(file("${path.module}/../kubernetes/relay.yaml"), "ghcr.io/acme/drift-relay-image", var.ghcr_relay_image),
    "namespace: kospi-prediction", "namespace: ${var.namespace}",
  )
  relay_objects = { for text in split("\n---\n", local.relay_text) : yamldecode(text).kind => yamldecode(text) }
}

resource "kubernetes_secret" "relay" {
  metadata {
    name      = "drift-relay"
    namespace = kubernetes_namespace.apps.metadata[0].name
  }
  data = {
    webhook = var.webhook_secret
    github  = var.github_access_token
  }
}

# The relay reads a changed file by itself.
resource "kubernetes_config_map" "relay" {
  metadata {
    name      = "drift-relay"
    namespace = kubernetes_namespace.apps.metadata[0].name
  }
  data = {
    "drift-relay.conf" = replace(file("${path.module}/../kubernetes/relay.conf"), "acme/kospi", var.repository)
  }
}

# StatefulSet, Service, PodDisruptionBudget and NetworkPolicy, from the same file as without Terraform.
resource "kubernetes_manifest" "relay" {
  for_each   = local.relay_objects
  manifest   = each.value
  depends_on = [kubernetes_secret.relay, kubernetes_config_map.relay]
}
