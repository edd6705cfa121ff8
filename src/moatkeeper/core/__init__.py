"""Values that every floor above speaks: frozen, without behaviour that needs a clock, a disk or a network."""
