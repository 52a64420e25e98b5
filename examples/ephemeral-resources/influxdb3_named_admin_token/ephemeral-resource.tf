terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

variable "command" {
  description = "Shell command that works on the server."
  type        = string
  default     = "influxdb3 create database metrics"
}

# Its own token makes the other one: INFLUXDB3_AUTH_TOKEN.
provider "influxdb3" {}

ephemeral "influxdb3_named_admin_token" "run" {
  name_prefix = "setup-"
  expires_in  = "30m" # if the run is killed
}

# The command has a token that no longer works after the run.
resource "terraform_data" "setup" {
  triggers_replace = var.command

  provisioner "local-exec" {
    command = var.command
    environment = {
      INFLUXDB3_AUTH_TOKEN = ephemeral.influxdb3_named_admin_token.run.token
    }
  }
}
