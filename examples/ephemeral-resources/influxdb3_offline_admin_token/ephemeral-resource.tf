terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

# A provider block cannot use an ephemeral resource of the same block, so this one has its own.
provider "influxdb3" {
  alias = "offline"
}

ephemeral "influxdb3_offline_admin_token" "first" {
  provider = influxdb3.offline
}

# What the server is started with (--admin-token-file) goes from here into a write-only
# argument, for example data_wo of kubernetes_secret_v1.
locals {
  token_file = ephemeral.influxdb3_offline_admin_token.first.file_content
}
