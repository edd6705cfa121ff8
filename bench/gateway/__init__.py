"""What the gateway adds: latency, throughput and memory, against the same upstream directly and behind other proxies."""
