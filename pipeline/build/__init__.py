"""From a recipe to Keras objects: model, weights, optimizer, schedule, loss."""
