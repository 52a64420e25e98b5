# The provider's token must be the operator token: its secret cannot be read back.
terraform import influxdb3_admin_token.operator _admin
