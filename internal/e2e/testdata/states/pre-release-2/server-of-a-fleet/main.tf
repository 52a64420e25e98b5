terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

variable "url" { default = "{{url}}" }
variable "trigger" { default = "2" }

provider "influxdb3" {
  servers = { "east-1" = { url = var.url } }
}

resource "influxdb3_admin_token" "operator" {
  server            = "east-1"
  rotation_triggers = { by = var.trigger }
}
