"""params.yaml: read, checked, expanded into variants with complete recipes. Imports neither Keras nor
TensorFlow."""
