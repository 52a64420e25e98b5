# terraform test: bootstraps the operator token and rotates it. It needs a new
# server that it can spoil, and deletion_protection = false in an override file,
# because it destroys what it made.

run "bootstrap" {
  assert {
    condition     = startswith(output.operator_token, "apiv3_")
    error_message = "no token"
  }
}

# The trigger can be anything. Here it is the old hash, to compare the new one with.
run "rotate" {
  variables {
    rotation = run.bootstrap.operator_token_hash
  }

  assert {
    condition     = output.operator_token_hash != var.rotation
    error_message = "a changed trigger has not rotated"
  }
}
