"""Gold by subject: sites, devices, plant, engagements, twins and features, from readings and reference entities."""
