# A configuration with tests, which are in the folder tests/.

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

variable "deletion_protection" {
  description = "Only a test on a throw-away server sets it to false."
  type        = bool
  default     = true
}

provider "influxdb3" {}

resource "influxdb3_admin_token" "operator" {
  deletion_protection = var.deletion_protection

  rotation_triggers = {
    rotation = var.rotation
  }
}

provider "influxdb3" {
  alias = "current"
  token = influxdb3_admin_token.operator.token
}

resource "influxdb3_named_admin_token" "ci" {
  provider   = influxdb3.current
  name       = "ci"
  expires_in = "90d"
}

check "operator_token_is_fresh" {
  assert {
    condition     = timecmp(plantimestamp(), timeadd(influxdb3_admin_token.operator.rotated_at, "2400h")) < 0
    error_message = "The operator token is older than 100 days."
  }
}

output "operator_token" {
  value     = influxdb3_admin_token.operator.token
  sensitive = true
}

output "operator_token_hash" {
  value = influxdb3_admin_token.operator.hash
}

# A number that changes with the token, as write-only arguments of secret stores
# want it.
output "operator_token_version" {
  value = parseint(influxdb3_admin_token.operator.hash, 16)
}

output "ci_token_hash" {
  value = influxdb3_named_admin_token.ci.hash
}
