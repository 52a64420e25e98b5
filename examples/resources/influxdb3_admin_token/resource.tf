terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

resource "influxdb3_admin_token" "operator" {
  # Change any value to regenerate the token in place.
  rotation_triggers = {
    reason = "initial"
  }
}

output "operator_token" {
  value     = influxdb3_admin_token.operator.token
  sensitive = true
}
