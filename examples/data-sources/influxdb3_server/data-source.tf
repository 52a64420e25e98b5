data "influxdb3_server" "this" {}

output "version" {
  value = data.influxdb3_server.this.version
}
