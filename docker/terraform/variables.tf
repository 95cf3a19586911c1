variable "namespace" {
  type        = string
  description = "Namespace of model, app and relay. It is made."
  default     = "kospi-prediction"
  validation {
    condition     = can(regex("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "A namespace is a DNS label: lower-case letters, digits and dashes."
  }
}

variable "model_api_url" {
  type        = string
  description = "Where the app asks the model: the address of an inference."
  validation {
    condition     = can(regex("^https?://[^/@]+/v2/models/[^/]+/infer$", var.model_api_url))
    error_message = "The address ends in /v2/models/NAME/infer, and has no user name."
  }
}

variable "ghcr_app_image" {
  type        = string
  description = "Image of the app, with its tag or digest."
  validation {
    condition     = can(regex("^[^:@ ]+(:[0-9]+/[^:@ ]+)?[:@][^ ]+$", var.ghcr_app_image))
    error_message = "An image has a tag or a digest."
  }
}

variable "ghcr_model_image" {
  type        = string
  description = "Image of the model server with the model in it, with its tag or digest."
  validation {
    condition     = can(regex("^[^:@ ]+(:[0-9]+/[^:@ ]+)?[:@][^ ]+$", var.ghcr_model_image))
    error_message = "An image has a tag or a digest."
  }
}

variable "ghcr_relay_image" {
  type        = string
  description = "Image of the relay, with its tag or digest."
  validation {
    condition     = can(regex("^[^:@ ]+(:[0-9]+/[^:@ ]+)?[:@][^ ]+$", var.ghcr_relay_image))
    error_message = "An image has a tag or a digest."
  }
}

variable "repository" {
  type        = string
  description = "OWNER/NAME of the repository whose workflow retrain.yml the relay starts."
  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "A repository is OWNER/NAME."
  }
}

variable "webhook_secret" {
  type        = string
  description = "Secret of Grafana's contact point. It is in Terraform's state, which is a Secret of the cluster."
  sensitive   = true
  validation {
    condition     = length(var.webhook_secret) >= 16 && !can(regex("[$]", var.webhook_secret)) && !can(tonumber(var.webhook_secret))
    error_message = "At least 16 characters without a $, and no number: Grafana would read another secret."
  }
}

variable "github_access_token" {
  type        = string
  description = "Token with Actions: write on the repository, for the relay."
  sensitive   = true
  validation {
    condition     = length(var.github_access_token) > 0
    error_message = "The relay starts no workflow without a token."
  }
}

variable "grafana_admin_password" {
  type        = string
  description = "Password of Grafana's user admin. It counts at the first start only."
  sensitive   = true
  default     = "prom-operator"
  validation {
    condition     = length(var.grafana_admin_password) >= 8
    error_message = "At least 8 characters."
  }
}
