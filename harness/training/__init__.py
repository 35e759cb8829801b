"""Fine-tuning: recipes, batches, one model's session, and one contender's."""
