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

variable "rotation" {
  description = "Change it to regenerate the operator token."
  type        = string
  default     = "initial"
}

# INFLUXDB3_AUTH_TOKEN is a named admin token that is held elsewhere. A new server
# has none yet: the first apply goes without.
provider "influxdb3" {}

resource "influxdb3_admin_token" "operator" {
  rotation_triggers = {
    rotation = var.rotation
  }
}

provider "influxdb3" {
  alias = "current"
  token = influxdb3_admin_token.operator.token
}

resource "influxdb3_named_admin_token" "ci" {
  provider = influxdb3.current
  name     = "ci"
}

# A data source behind the second block waits for the operator token: it would be
# read while planning, and in a run that rotates the token is not known by then.
data "influxdb3_server" "this" {
  provider   = influxdb3.current
  depends_on = [influxdb3_admin_token.operator]
}

output "server_version" {
  value = data.influxdb3_server.this.version
}

output "operator_token" {
  value     = influxdb3_admin_token.operator.token
  sensitive = true
}

output "ci_token" {
  value     = influxdb3_named_admin_token.ci.token
  sensitive = true
}
