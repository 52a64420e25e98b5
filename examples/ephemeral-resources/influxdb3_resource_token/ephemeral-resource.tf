terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

variable "command" {
  description = "Shell command that writes to the database."
  type        = string
  default     = "influxdb3 write --database metrics 'deployments count=1'"
}

# Its own token makes the other one: INFLUXDB3_AUTH_TOKEN.
provider "influxdb3" {}

# InfluxDB 3 Enterprise and InfluxDB 3 Cloud only.
ephemeral "influxdb3_resource_token" "run" {
  name_prefix = "deployment-"
  expires_in  = "30m" # if the run is killed

  permissions = [{
    resource_type  = "db"
    resource_names = ["metrics"]
    actions        = ["write"]
  }]
}

# The command has a token that may only write, and no longer works after the run.
resource "terraform_data" "deployment" {
  triggers_replace = var.command

  provisioner "local-exec" {
    command = var.command
    environment = {
      INFLUXDB3_AUTH_TOKEN = ephemeral.influxdb3_resource_token.run.token
    }
  }
}
