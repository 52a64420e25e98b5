# Gives a new InfluxDB 3 server in Kubernetes its first operator token, replaces
# that token as soon as the server is up, and keeps the new one in a secret. The
# guide to Kubernetes has the values of the Helm chart that belong to it.

terraform {
  required_version = ">= 1.11" # for ephemeral resources and write-only arguments

  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = ">= 2.36" # for data_wo
    }
  }
}

variable "namespace" {
  type    = string
  default = "default"
}

variable "rotation" {
  description = "Change it to regenerate the operator token."
  type        = string
  default     = "initial"
}

variable "influxdb3_token" {
  description = "A named admin token, as soon as there is one. Without it, the first token is used."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true
}

# The cluster comes from KUBE_CONFIG_PATH, or from the pod that this runs in.
provider "kubernetes" {}

# Asks no server. The block of the server below takes its token from what is made
# here, so that the two cannot be one.
provider "influxdb3" {
  alias = "offline"
}

# A new token each time Terraform runs, which no state and no plan holds.
ephemeral "influxdb3_offline_admin_token" "first" {
  provider = influxdb3.offline
}

# The token file that the server starts with. The revision stays the same, so only
# the run that creates the secret writes a token into it.
resource "kubernetes_secret_v1" "token_file" {
  metadata {
    name      = "influxdb3-admin-token"
    namespace = var.namespace
  }

  data_wo = {
    "admin-token.json" = ephemeral.influxdb3_offline_admin_token.first.file_content
  }
  data_wo_revision = 1
}

# The address comes from INFLUXDB3_HOST_URL. In the run that creates the secret, the
# token is the one in the file. Afterwards the token in state counts.
provider "influxdb3" {
  token           = var.influxdb3_token != null ? var.influxdb3_token : ephemeral.influxdb3_offline_admin_token.first.token
  startup_timeout = "10m" # the server starts when the secret is there
}

resource "influxdb3_admin_token" "operator" {
  existing_token = "regenerate" # the token in the file does not work afterwards

  rotation_triggers = {
    rotation = var.rotation
  }

  depends_on = [kubernetes_secret_v1.token_file] # and the helm_release, if it is here
}

# For those who work with the operator token.
resource "kubernetes_secret_v1" "operator" {
  metadata {
    name      = "influxdb3-operator-token"
    namespace = var.namespace
  }

  data_wo = {
    token = influxdb3_admin_token.operator.token
  }

  # The hash as a number: it changes exactly when the token does.
  data_wo_revision = parseint(influxdb3_admin_token.operator.hash, 16)
}
