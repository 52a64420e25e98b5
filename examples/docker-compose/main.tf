# Writes the token file that compose.yaml mounts, starts the server with it, and
# replaces the token in the file as soon as the server is up.

terraform {
  required_version = ">= 1.11" # for ephemeral resources

  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

variable "start" {
  description = "Command that starts the server."
  type        = string
  default     = "docker compose up --detach"
}

variable "rotation" {
  description = "Change it to regenerate the operator token."
  type        = string
  default     = "initial"
}

variable "influxdb3_token" {
  description = "A named admin token, as soon as there is one. Without it, the first token is used."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true
}

# Asks no server. The block of the server below takes its token from what is made
# here, so that the two cannot be one.
provider "influxdb3" {
  alias = "offline"
}

# A new token each time Terraform runs, which no state and no plan holds.
ephemeral "influxdb3_offline_admin_token" "first" {
  provider = influxdb3.offline
}

# Runs once. The server does not run as you, so the file is open to everybody and
# the folder only to you.
resource "terraform_data" "token_file" {
  provisioner "local-exec" {
    command = <<-EOT
      mkdir -p -m 700 secrets &&
        printf %s "$FILE_CONTENT" >secrets/admin-token.json &&
        chmod 644 secrets/admin-token.json
    EOT
    environment = {
      FILE_CONTENT = ephemeral.influxdb3_offline_admin_token.first.file_content
    }
  }
}

resource "terraform_data" "server" {
  depends_on = [terraform_data.token_file]

  provisioner "local-exec" {
    command = var.start
  }
}

# The address comes from INFLUXDB3_HOST_URL, http://127.0.0.1:8181 without it. In the
# run that writes the file, the token is the one in the file. Afterwards the token in
# state counts.
provider "influxdb3" {
  token           = var.influxdb3_token != null ? var.influxdb3_token : ephemeral.influxdb3_offline_admin_token.first.token
  startup_timeout = "2m" # the command above does not wait for the server
}

resource "influxdb3_admin_token" "operator" {
  existing_token = "regenerate" # the token in the file does not work afterwards

  rotation_triggers = {
    rotation = var.rotation
  }

  depends_on = [terraform_data.server]
}

output "operator_token" {
  value     = influxdb3_admin_token.operator.token
  sensitive = true
}
