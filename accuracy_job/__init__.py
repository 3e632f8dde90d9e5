"""Map reduce over (true, predicted) pairs: accuracy and the confusion matrix."""
