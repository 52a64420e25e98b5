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

# A warning in every plan as long as anybody could create the operator token.
check "operator_token" {
  assert {
    condition     = data.influxdb3_server.this.operator_token != "absent"
    error_message = "The server has no operator token: whoever reaches it can create it, or needs no token at all."
  }
}
