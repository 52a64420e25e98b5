terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

data "influxdb3_tokens" "admins" {
  kind = "named_admin"
}

# Names only. Tokens themselves are not listed: the server does not keep them.
output "admin_tokens_that_never_expire" {
  value = [for t in data.influxdb3_tokens.admins.tokens : t.name if t.expires_at == null]
}
