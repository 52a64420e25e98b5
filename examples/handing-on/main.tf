# Hands the operator token on to where its users look for it, in the run that
# regenerates it. The hash is the trigger: it changes with the token and is no
# secret. The token goes to the command in its environment, so that it is in no
# command line, and the state of terraform_data does not hold it.

terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

variable "rotation" {
  description = "Change it to regenerate the operator token."
  type        = string
  default     = "initial"
}

variable "publish" {
  description = "Shell command that stores the token in the variable TOKEN, for example: printf %s \"$TOKEN\" | vault kv put -mount=secret influxdb3 operator=-"
  type        = string
}

# The address comes from INFLUXDB3_HOST_URL, http://127.0.0.1:8181 without it.
provider "influxdb3" {}

resource "influxdb3_admin_token" "operator" {
  rotation_triggers = {
    rotation = var.rotation
  }
}

# If the command fails, the resource is tainted and the next apply runs it again.
resource "terraform_data" "publish" {
  triggers_replace = influxdb3_admin_token.operator.hash

  # Without output: Terraform prints that of a command that fails, and the token
  # could be in it.
  provisioner "local-exec" {
    command = "( ${var.publish} ) >/dev/null 2>&1"
    environment = {
      TOKEN = influxdb3_admin_token.operator.token
    }
  }
}
