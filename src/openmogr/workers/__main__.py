"""The zygote's process."""

from openmogr.workers.zygote import main

if __name__ == "__main__":
    main()
