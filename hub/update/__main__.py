"""Carry on an update that something ended: /opt/storehub/updater/bin/python -m hub.update"""

from hub.update.engine import main

if __name__ == "__main__":
    raise SystemExit(main())
