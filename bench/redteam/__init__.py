"""The red team measured: published attacks reproduced, defences against adaptive thieves, whole campaigns."""
