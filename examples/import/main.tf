# Takes over the operator token of a running server. For this one apply the
# provider's token must be the operator token itself, in INFLUXDB3_AUTH_TOKEN: the
# server does not show it again. Nothing changes on the server, and the triggers of
# today are recorded. Afterwards the import block can go.

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

import {
  to = influxdb3_admin_token.operator
  id = "_admin"
}

resource "influxdb3_admin_token" "operator" {
  rotation_triggers = {
    rotation = var.rotation
  }
}

output "operator_token" {
  value     = influxdb3_admin_token.operator.token
  sensitive = true
}
