"""How does a pretrained language model come in from the files it is published in? Weights, vocabulary, sentences."""
