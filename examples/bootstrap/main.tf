# A new server gets its operator token with the first apply. No token is needed
# for that: only a server that has no operator token yet makes one.

terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

variable "rotation" {
  description = "Change it to regenerate the operator token."
  type        = string
  default     = "initial"
}

# The address comes from INFLUXDB3_HOST_URL, http://127.0.0.1:8181 without it.
provider "influxdb3" {}

resource "influxdb3_admin_token" "operator" {
  rotation_triggers = {
    rotation = var.rotation
  }
}

# terraform output -raw operator_token
output "operator_token" {
  value     = influxdb3_admin_token.operator.token
  sensitive = true
}

# Not a secret. It changes with the token, so let it trigger what uses the token.
output "operator_token_hash" {
  value = influxdb3_admin_token.operator.hash
}
