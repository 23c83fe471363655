"""How the compact network was trained. Not installed; see README.md."""
