import {
  to = influxdb3_named_admin_token.ci
  id = "ci-1"
}
