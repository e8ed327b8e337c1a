"""The machine below the hub: its voltage and heat, and the UPS that it hangs on."""
