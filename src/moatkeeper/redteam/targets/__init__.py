"""What can be attacked: a function, a model file, an address; each made into something that answers questions."""
