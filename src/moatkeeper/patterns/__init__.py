"""Query pattern analysis: who is copying the model, seen in nothing but the traffic."""
