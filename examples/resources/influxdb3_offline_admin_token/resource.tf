terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

# A provider block cannot use a resource of the same block, so this one has its own.
provider "influxdb3" {
  alias = "offline"
}

resource "influxdb3_offline_admin_token" "first" {
  provider = influxdb3.offline
}

# What the server is started with: --admin-token-file
output "token_file" {
  value     = influxdb3_offline_admin_token.first.file_content
  sensitive = true
}
