"""Every sentence that the portal's pages say, one TOML file per family of pages; catalogue.py reads them."""
