terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

resource "influxdb3_admin_token" "operator" {
  rotation_triggers = { by = "1" }
}
