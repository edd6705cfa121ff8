"""Layer 1: rate limiting and throttling. Which buckets a query touches, and the arithmetic of each."""
