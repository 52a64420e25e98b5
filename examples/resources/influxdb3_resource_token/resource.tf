terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

# InfluxDB 3 Enterprise and InfluxDB 3 Cloud only.
resource "influxdb3_resource_token" "telegraf" {
  name_prefix = "telegraf-"

  permissions = [
    {
      resource_type  = "db"
      resource_names = ["metrics", "events"]
      actions        = ["read", "write"]
    },
    {
      resource_type  = "system"
      resource_names = ["health"]
      actions        = ["read"]
    },
  ]

  # Every change makes a new token.
  rotation_triggers = {
    reason = "initial"
  }

  # The old token lives until it expires, so that its users can take their time.
  expires_in      = "30d"
  keep_on_destroy = true

  lifecycle {
    create_before_destroy = true
  }
}

output "telegraf_token" {
  value     = influxdb3_resource_token.telegraf.token
  sensitive = true
}
