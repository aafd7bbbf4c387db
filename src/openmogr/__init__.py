"""OpenMogr: a self-hosted server and command line that speak the Tencent COS / Cloud Infinite image API."""

__all__ = ["__version__"]

__version__ = "0.1.0"
