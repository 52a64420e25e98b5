# Needs no server.

run "two_databases" {
  command = plan

  assert {
    condition     = output.permissions[0].resource_names == toset(["metrics", "events"])
    error_message = "not the two databases"
  }

  assert {
    condition     = output.permissions[0].actions == toset(["read", "write"])
    error_message = "not both actions"
  }

  assert {
    condition     = output.permissions[1].resource_type == "system"
    error_message = "not the type"
  }
}
