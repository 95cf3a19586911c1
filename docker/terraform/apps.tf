resource "kubernetes_namespace" "apps" {
  metadata {
    name   = var.namespace
    labels = { "pod-security.kubernetes.io/warn" = "restricted" }
  }
}

resource "kubernetes_deployment" "kospi-prediction-app" {
  metadata {
    name      = "kospi-prediction-app"
    namespace = kubernetes_namespace.apps.metadata[0].name
    labels    = { "app.kubernetes.io/name" = "kospi-prediction-app" }
  }
  spec {
    replicas = 1
    selector {
      match_labels = { "app.kubernetes.io/name" = "kospi-prediction-app" }
    }
    template {
      metadata {
        labels = { "app.kubernetes.io/name" = "kospi-prediction-app" }
      }
      spec {
        automount_service_account_token = false
        security_context {
          run_as_non_root = true
          seccomp_profile {
            type = "RuntimeDefault"
          }
        }
        container {
          name              = "kospi-prediction-app-image"
          image             = var.ghcr_app_image
          image_pull_policy = "IfNotPresent"
          port {
            name           = "http"
            container_port = 7860
          }
          env {
            name  = "MODEL_API_URL"
            value = var.model_api_url
          }
          readiness_probe {
            http_get {
              path = "/healthz"
              port = "http"
            }
          }
          liveness_probe {
            period_seconds = 20
            http_get {
              path = "/healthz"
              port = "http"
            }
          }
          resources {
            requests = { cpu = "10m", memory = "16Mi" }
            limits   = { memory = "64Mi" }
          }
          security_context {
            allow_privilege_escalation = false
            read_only_root_filesystem  = true
            capabilities {
              drop = ["ALL"]
            }
          }
        }
      }
    }
  }
}

resource "kubernetes_service" "kospi-prediction-app-service" {
  metadata {
    name      = "kospi-prediction-app-service"
    namespace = kubernetes_namespace.apps.metadata[0].name
    labels    = { "app.kubernetes.io/name" = "kospi-prediction-app" }
  }
  spec {
    type     = "NodePort"
    selector = { "app.kubernetes.io/name" = "kospi-prediction-app" }
    port {
      name        = "http"
      port        = 80
      target_port = "http"
    }
  }
}

# KServe is there already: its kinds have to be known when Terraform plans.
resource "kubernetes_manifest" "kospi-prediction-model" {
  manifest = yamldecode(replace(
    replace(file("${path.module}/../kubernetes/model.yaml"), "ghcr.io/acme/kospi-prediction-model-image", var.ghcr_model_image),
    "namespace: kospi-prediction", "namespace: ${var.namespace}",
  ))
  depends_on = [kubernetes_namespace.apps]
}
