# Needs no server: both provider blocks are mocked, and no request is sent.

mock_provider "influxdb3" {
  mock_resource "influxdb3_admin_token" {
    defaults = {
      id              = "_admin"
      name            = "_admin"
      existing_token  = "adopt"
      token           = "apiv3_operator-token-of-a-test"
      hash            = "0123456ab"
      status          = "active"
      fallback_status = "active"
      created_at      = "2099-01-01T00:00:00Z"
      rotated_at      = "2099-01-01T00:00:00Z"
      rotation_due_at = null
    }
  }
}

mock_provider "influxdb3" {
  alias = "current"

  mock_resource "influxdb3_named_admin_token" {
    defaults = {
      token      = "apiv3_named-admin-token-of-a-test"
      hash       = "0123456cd"
      status     = "active"
      created_at = "2099-01-01T00:00:00Z"
      expires_at = "2099-04-01T00:00:00Z"
    }
  }
}

run "outputs" {
  assert {
    condition     = output.operator_token_version == parseint("0123456ab", 16)
    error_message = "not the hash of the operator token"
  }

  assert {
    condition     = output.ci_token_hash == "0123456cd"
    error_message = "not the hash of the named admin token"
  }
}

run "the_variable_is_the_trigger" {
  command = plan

  variables {
    rotation = "2"
  }

  assert {
    condition     = influxdb3_admin_token.operator.rotation_triggers == tomap({ rotation = "2" })
    error_message = "the variable does not reach rotation_triggers"
  }
}

run "protected" {
  command = plan

  assert {
    condition     = influxdb3_admin_token.operator.deletion_protection
    error_message = "deletion protection is off"
  }
}

run "named_token_expires" {
  command = plan

  assert {
    condition     = influxdb3_named_admin_token.ci.expires_in != null
    error_message = "the named admin token never expires"
  }
}
