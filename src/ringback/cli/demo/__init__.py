"""``ringback demo``: an emulator, a client and a receiver, shown step by step."""
