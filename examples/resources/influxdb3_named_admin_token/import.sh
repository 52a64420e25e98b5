# The ID is the name of the token, never the token: the command prints the ID.
terraform import influxdb3_named_admin_token.ci ci-1
