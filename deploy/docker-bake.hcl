# Both flavours of the image, for both processors:
#
#   docker buildx bake -f deploy/docker-bake.hcl                                   build
#   docker buildx bake -f deploy/docker-bake.hcl --set '*.platform=linux/amd64' --load    for use here
#   IMAGE=registry.example.com/openmogr VERSION=0.1.0 docker buildx bake -f deploy/docker-bake.hcl --push
#
# "plain" holds no GPL code. "heif" adds pillow-heif, whose wheels hold x265 (GPL): docs/licences.md.

variable "IMAGE" {
  default = "openmogr"
}

variable "VERSION" {
  default = "0.1.0"
}

variable "REVISION" {
  default = "unknown"
}

group "default" {
  targets = ["plain", "heif"]
}

target "common" {
  context    = "."
  dockerfile = "deploy/Dockerfile"
  platforms  = ["linux/amd64", "linux/arm64"]
  attest     = ["type=provenance,mode=max", "type=sbom"]
  args = {
    VERSION  = VERSION
    REVISION = REVISION
  }
}

target "plain" {
  inherits = ["common"]
  args = {
    FLAVOUR  = "plain"
    LICENCES = "Apache-2.0"
  }
  tags = ["${IMAGE}:${VERSION}", "${IMAGE}:latest"]
}

target "heif" {
  inherits = ["common"]
  args = {
    FLAVOUR  = "heif"
    LICENCES = "Apache-2.0 AND GPL-2.0-or-later AND LGPL-3.0-or-later"
  }
  tags = ["${IMAGE}:${VERSION}-heif", "${IMAGE}:latest-heif"]
}
