# The provider's token must be the operator token: its secret cannot be read back.
# The ID is always _admin, never the token: the command prints the ID.
terraform import influxdb3_admin_token.operator _admin
