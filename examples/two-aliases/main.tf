# The default provider block looks after the operator token. The second one always
# has the current operator token, also in the run that has just regenerated it: it
# is for everything else that is managed on the server.

terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

variable "url" {
  description = "Address of the server."
  type        = string
  default     = "http://127.0.0.1:8181"
}

variable "rotation" {
  description = "Change it to regenerate the operator token."
  type        = string
  default     = "initial"
}

provider "influxdb3" {
  url = var.url
}

resource "influxdb3_admin_token" "operator" {
  rotation_triggers = {
    rotation = var.rotation
  }
}

provider "influxdb3" {
  alias = "current"
  url   = var.url
  token = influxdb3_admin_token.operator.token
}

resource "influxdb3_named_admin_token" "ci" {
  provider = influxdb3.current
  name     = "ci"
}

output "ci_token" {
  value     = influxdb3_named_admin_token.ci.token
  sensitive = true
}
