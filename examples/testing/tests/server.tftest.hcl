# Needs a new server that nobody needs afterwards: makes the tokens, rotates, and
# destroys what it made.

variables {
  deletion_protection = false
}

run "bootstrap" {
  assert {
    condition     = startswith(output.operator_token, "apiv3_")
    error_message = "no token"
  }
}

# A planned rotation leaves the hash unknown, and an assertion with an unknown value
# fails. So this passes only if no rotation is planned.
run "nothing_is_due" {
  command = plan

  variables {
    operator_before = run.bootstrap.operator_token_hash
  }

  assert {
    condition     = influxdb3_admin_token.operator.hash == var.operator_before
    error_message = "another token"
  }
}

run "a_changed_trigger_rotates" {
  variables {
    rotation        = "2"
    operator_before = run.bootstrap.operator_token_hash
    ci_before       = run.bootstrap.ci_token_hash
  }

  assert {
    condition     = output.operator_token_hash != var.operator_before
    error_message = "the token is still the one of before"
  }

  assert {
    condition     = output.ci_token_hash == var.ci_before
    error_message = "the named admin token was replaced too"
  }
}
