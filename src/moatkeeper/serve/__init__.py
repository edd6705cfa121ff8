"""Lets traffic in: the gateway, its upstream client, identity, the admin port."""
