# The operator tokens of all servers in fleet.json, and a named admin token for a
# service on each of them.

terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
    time = {
      source = "hashicorp/time"
    }
  }
}

locals {
  fleet = jsondecode(file("${path.module}/fleet.json"))

  # A server that leaves the fleet has "leaving": true for one apply.
  staying = { for name, server in local.fleet : name => server if !try(server.leaving, false) }
}

variable "tokens" {
  description = "By name of the server: a token that you keep outside of Terraform. A new server needs none."
  type        = map(string)
  sensitive   = true
  default     = {}
}

variable "deletion_protection" {
  description = "Set it to false, and apply, before you destroy everything."
  type        = bool
  default     = true
}

# One block, and one process, for all servers.
provider "influxdb3" {
  on_unreachable = "warn"
  servers = {
    for name, server in local.fleet : name => {
      url   = server.url
      token = lookup(var.tokens, name, null)
    }
  }
}

# Each server has a day of its own: the number of days is between 77 and 90, and
# depends on the name.
resource "time_rotating" "operator" {
  for_each      = local.fleet
  rotation_days = 90 - parseint(substr(sha256(each.key), 0, 4), 16) % 14
}

resource "influxdb3_admin_token" "operator" {
  for_each            = local.fleet
  server              = each.key
  deletion_protection = var.deletion_protection && !try(each.value.leaving, false)

  rotation_triggers = {
    period = time_rotating.operator[each.key].id
  }
}

# The second block works with the operator tokens. Each is sent to its own server
# only, and the current one is used in the same apply.
provider "influxdb3" {
  alias          = "current"
  on_unreachable = "warn"
  servers = {
    for name, server in local.fleet : name => {
      url   = server.url
      token = influxdb3_admin_token.operator[name].token
    }
  }
}

resource "influxdb3_named_admin_token" "telegraf" {
  for_each = local.staying
  provider = influxdb3.current
  server   = each.key
  name     = "telegraf"
}

output "operator_tokens" {
  value     = { for name, operator in influxdb3_admin_token.operator : name => operator.token }
  sensitive = true
}

output "telegraf_tokens" {
  value     = { for name, telegraf in influxdb3_named_admin_token.telegraf : name => telegraf.token }
  sensitive = true
}

output "rotated_at" {
  value = { for name, operator in influxdb3_admin_token.operator : name => operator.rotated_at }
}

# Servers whose token Terraform knows to be refused, expired or due.
output "to_look_at" {
  value = { for name, operator in influxdb3_admin_token.operator : name => operator.status if operator.status != "active" }
}
