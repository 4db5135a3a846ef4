"""Azure services as local endpoints, for laptops and tests. Nothing here imports the product."""
