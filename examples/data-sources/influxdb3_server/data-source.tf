terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

data "influxdb3_server" "this" {}

output "version" {
  value = data.influxdb3_server.this.version
}
