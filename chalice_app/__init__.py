"""The API: stores images, asks the model, keeps labels and serves the figures."""
