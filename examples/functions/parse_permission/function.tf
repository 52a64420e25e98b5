terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

variable "permissions" {
  description = "In the notation of the influxdb3 command line."
  type        = list(string)
  default     = ["db:metrics,events:read,write", "system:health:read"]
}

# For `permissions` of influxdb3_resource_token.
output "permissions" {
  value = [for p in var.permissions : provider::influxdb3::parse_permission(p)]
}
