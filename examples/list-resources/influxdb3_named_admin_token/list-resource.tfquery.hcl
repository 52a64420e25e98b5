# Every named admin token of one server whose name begins with ci-, with what a
# configuration of it needs.
list "influxdb3_named_admin_token" "ci" {
  provider         = influxdb3
  include_resource = true

  config {
    server      = "berlin"
    name_prefix = "ci-"
  }
}
