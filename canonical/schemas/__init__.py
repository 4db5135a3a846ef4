"""Message schemas of devices, one file a version; a published version never changes."""
