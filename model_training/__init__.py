"""How the network is trained, evaluated and released."""
