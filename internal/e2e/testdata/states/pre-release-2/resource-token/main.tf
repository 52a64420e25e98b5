terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

resource "influxdb3_resource_token" "app" {
  name = "app"
  permissions = [
    { resource_type = "db", resource_names = ["*"], actions = ["read", "write"] },
    { resource_type = "system", resource_names = ["health", "ping"], actions = ["read"] },
  ]
}
