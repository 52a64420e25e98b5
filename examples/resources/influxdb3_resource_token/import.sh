# The ID is the name of the token, never the token: the command prints the ID.
terraform import influxdb3_resource_token.telegraf telegraf-1
