"""The web server: layout, access, live updates, the kernel's own routes. No domain's page."""
