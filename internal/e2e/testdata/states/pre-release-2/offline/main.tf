terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

resource "influxdb3_offline_admin_token" "first" {
  rotation_triggers = { by = "1" }
}
