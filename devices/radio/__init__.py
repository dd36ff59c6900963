"""Radio protocols of wearables, without a radio: see codec.py for what they are, codecs.py for which there are."""
