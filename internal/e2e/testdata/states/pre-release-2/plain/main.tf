terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

variable "trigger" { default = "2" }

resource "influxdb3_admin_token" "operator" {
  rotation_triggers = { by = var.trigger }
  rotate_after      = "90d"
}
