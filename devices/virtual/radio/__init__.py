"""Virtual wearables at the other end of a link: bytes in, bytes out, as the real ones would answer. See peripheral.py."""
