"""Query pattern analysis measured: Moatkeeper beside published detectors, at the same false-alarm rate per honest account."""
