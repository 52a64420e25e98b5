terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

variable "token" {
  type      = string
  sensitive = true
}

# Which token it is, as `influxdb3 show tokens` prints it.
output "hash" {
  value = nonsensitive(provider::influxdb3::token_hash(var.token))
}
