# Needs no server: the two objects are made up, the provider is the real one and has
# nothing to ask.

override_resource {
  target = influxdb3_admin_token.operator
  values = {
    token      = "apiv3_operator-token-of-a-test"
    hash       = "0123456ab"
    rotated_at = "2020-01-01T00:00:00Z"
  }
}

override_resource {
  target = influxdb3_named_admin_token.ci
  values = {
    hash = "0123456cd"
  }
}

run "an_old_token_is_noticed" {
  expect_failures = [check.operator_token_is_fresh]
}
