"""How a thief adapts to a defence: tactics around any attack, one a file, and crews of accounts that carry it out."""
