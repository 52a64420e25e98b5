# Needs no server.

run "hash" {
  command = plan

  variables {
    token = "apiv3_abc"
  }

  assert {
    condition     = output.hash == substr(sha512("apiv3_abc"), 0, 9)
    error_message = "not the first nine hex digits of the SHA-512"
  }
}
