"""From sample messages to a mapping spec a person can finish: `lakehouse mapping new`."""
