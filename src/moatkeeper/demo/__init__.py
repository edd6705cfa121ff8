"""A theft from nothing: a real model behind HTTP, honest customers, a thief, with and without the guard."""
