# Every resource token of every server in the provider block, expired ones too.
list "influxdb3_resource_token" "all" {
  provider = influxdb3
  limit    = 1000

  config {
    include_expired = true
  }
}
