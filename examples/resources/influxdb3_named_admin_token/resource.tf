terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

resource "influxdb3_named_admin_token" "ci" {
  # Names are unique on the server. The prefix gives every token its own name, so the
  # new one can be made before the old one is deleted.
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
