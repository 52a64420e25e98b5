terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

resource "influxdb3_named_admin_token" "ci" {
  # Names are unique on the server, so that a name of its own for every token lets
  # the new one exist before the old one goes.
  name_prefix = "ci-"

  # Replaced by the first apply in the last week of its 90 days.
  expires_in           = "90d"
  rotate_before_expiry = "7d"

  lifecycle {
    create_before_destroy = true
  }
}

output "ci_token" {
  value     = influxdb3_named_admin_token.ci.token
  sensitive = true
}
