# The operator token of every server in the provider block.
list "influxdb3_admin_token" "operator" {
  provider = influxdb3
}
