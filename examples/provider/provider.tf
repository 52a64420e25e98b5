terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

# Everything can come from the environment instead: INFLUXDB3_HOST_URL,
# INFLUXDB3_AUTH_TOKEN. A new server has no token yet, and needs none.
provider "influxdb3" {
  url   = "http://127.0.0.1:8181" # the default
  token = var.influxdb3_token
}

variable "influxdb3_token" {
  description = "A named admin token, held outside of this configuration."
  type        = string
  sensitive   = true
  default     = null
}
