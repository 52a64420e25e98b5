# The default provider block manages the operator token. The second one is for
# everything else on the server. It always has the current operator token, also in
# the run that regenerates it.

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

# INFLUXDB3_AUTH_TOKEN is a named admin token that you keep outside of Terraform.
# Leave it out in the first apply on a new server, which has none yet.
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

# A data source with the second block needs depends_on. Terraform reads it while it
# plans, and in a run that rotates, the token is not known at that time.
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
