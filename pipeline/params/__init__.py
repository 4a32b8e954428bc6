"""params.yaml: read, checked, and expanded into variants, without importing Keras."""
