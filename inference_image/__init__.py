"""The container: preprocessing, the network, and the server around them."""
