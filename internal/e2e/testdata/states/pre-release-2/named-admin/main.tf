terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

resource "influxdb3_named_admin_token" "ci" {
  name                 = "ci"
  expires_in           = "90d"
  rotate_before_expiry = "7d"
  rotation_triggers    = { by = "1" }
}
