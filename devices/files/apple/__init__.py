"""Apple Health: `export.xml`, alone or as a member of `export.zip`."""

from devices.files.apple.reader import AppleHealth

READER = AppleHealth()
